import type { Context } from 'koa'
import { Fault } from '../../base/fault.ts'
import { fromNpmName } from '../../base/name.ts'
import type { Registry } from '../../registry/registry.ts'
import { readObject, textOf } from '../http/body.ts'
import { json, param } from '../http/json.ts'

const SMALL_BODY = 64 * 1024

/** GET /-/package/:name/owners (pnpm; npm reads the packument's `maintainers`). */
export async function showOwners(ctx: Context, registry: Registry): Promise<void> {
  const owners = await registry.owners.list(ctx.state.who, named(ctx))
  json(
    ctx,
    200,
    owners.map(({ name, email }) => ({ username: name, email })),
  )
}

/** PUT /-/package/:name/owners `{"user"}` */
export async function addOwner(ctx: Context, registry: Registry): Promise<void> {
  const caller = await ctx.state.who()
  registry.access.writer(caller)
  const user = textOf((await readObject(ctx.req, SMALL_BODY)).user)
  if (user === undefined) throw new Fault('BAD_REQUEST', { why: 'the body must be {"user": "NAME"}' })
  await registry.owners.add(caller, named(ctx), user)
  json(ctx, 200, { ok: true })
}

/** DELETE /-/package/:name/owners/:user */
export async function removeOwner(ctx: Context, registry: Registry): Promise<void> {
  await registry.owners.remove(await ctx.state.who(), named(ctx), param(ctx, 'user'))
  json(ctx, 200, { ok: true })
}

function named(ctx: Context) {
  return fromNpmName(param(ctx, 'name'))
}
