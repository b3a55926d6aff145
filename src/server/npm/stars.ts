import type { Context } from 'koa'
import { Fault } from '../../base/fault.ts'
import { fromNpmName } from '../../base/name.ts'
import type { Registry } from '../../registry/registry.ts'
import { objectOf, readObject, textOf } from '../http/body.ts'
import { json, param } from '../http/json.ts'

const SMALL_BODY = 64 * 1024
/** The document of `npm star` repeats the starrers it was given. */
const STAR_BODY = 1024 * 1024

/** `npm star` and `npm unstar` send PUT /name with all who starred it; what counts is whether the caller is among them. */
export async function putStars(ctx: Context, registry: Registry): Promise<void> {
  const caller = registry.access.writer(await ctx.state.who())
  const users = objectOf((await readObject(ctx.req, STAR_BODY)).users) ?? {}
  const star = Object.hasOwn(users, caller.name) && users[caller.name] === true ? 'starred' : 'plain'
  await registry.stars.set(caller, fromNpmName(param(ctx, 'name')), star)
  json(ctx, 201, { ok: true })
}

/** PUT or DELETE /-/user/v1/star `{"package"}` (pnpm). */
export async function setStar(ctx: Context, registry: Registry): Promise<void> {
  const caller = registry.access.writer(await ctx.state.who())
  const body = await readObject(ctx.req, SMALL_BODY)
  const name = textOf(body.package) ?? textOf(body.name)
  if (name === undefined) throw new Fault('BAD_REQUEST', { why: 'the body must be {"package": "NAME"}' })
  await registry.stars.set(caller, fromNpmName(name), ctx.method === 'PUT' ? 'starred' : 'plain')
  json(ctx, 200, { ok: true })
}

/** GET /-/user/v1/star: the caller's stars, as names (pnpm). */
export async function listOwnStars(ctx: Context, registry: Registry): Promise<void> {
  const caller = await ctx.state.who()
  if (caller.kind === 'anonymous') throw new Fault('UNAUTHENTICATED', {})
  json(ctx, 200, await starred(ctx, registry, caller.name))
}

/** GET /-/_view/starredByUser?key="NAME" (npm). */
export async function listStars(ctx: Context, registry: Registry): Promise<void> {
  const user = String(ctx.query.key ?? '').replace(/^"(.*)"$/, '$1')
  const names = await starred(ctx, registry, user)
  json(ctx, 200, { rows: names.map((value) => ({ value })) })
}

async function starred(ctx: Context, registry: Registry, user: string): Promise<string[]> {
  return (await registry.stars.of(ctx.state.who, user)).map(({ npmName }) => npmName)
}
