import type { Context } from 'koa'
import { Fault } from '../../base/fault.ts'
import { fromNpmName } from '../../base/name.ts'
import { iso } from '../../base/time.ts'
import type { JsonObject } from '../../registry/model.ts'
import type { Registry } from '../../registry/registry.ts'
import type { TrustRule } from '../../registry/trust.ts'
import { objectOf, readJson } from '../http/body.ts'
import { json, param } from '../http/json.ts'

const SMALL_BODY = 64 * 1024

/** `npm trust list`. */
export async function listTrust(ctx: Context, { trust }: Registry): Promise<void> {
  json(ctx, 200, (await trust.list(await ctx.state.who(), named(ctx))).map(shown))
}

/** `npm trust github|gitlab|circleci`: a list of rules, npm's has one. */
export async function addTrust(ctx: Context, { trust }: Registry): Promise<void> {
  const body = await readJson(ctx.req, SMALL_BODY)
  const rules = (Array.isArray(body) ? body : [body]).map((one): JsonObject => {
    const rule = objectOf(one)
    if (!rule) throw new Fault('BAD_REQUEST', { why: 'the body is a list of trusted publishers' })
    return rule
  })
  json(ctx, 201, (await trust.add(await ctx.state.who(), named(ctx), rules)).map(shown))
}

/** `npm trust revoke`. */
export async function revokeTrust(ctx: Context, { trust }: Registry): Promise<void> {
  await trust.revoke(await ctx.state.who(), named(ctx), param(ctx, 'id'))
  ctx.status = 204
}

/** What clients do in a build before they publish: the build's identity token for one of ours. */
export async function exchangeToken(ctx: Context, { trust }: Registry): Promise<void> {
  const idToken = /^bearer\s+(\S+)$/i.exec(ctx.get('authorization'))?.[1]
  if (idToken === undefined)
    throw new Fault('UNAUTHENTICATED', { why: 'Send the identity token as bearer token.' })
  const { secret, createdAt, expiresAt } = await trust.exchange(idToken, named(ctx), ctx.ip)
  const times = { created: iso(createdAt), expires: iso(expiresAt) }
  json(ctx, 201, { token_type: 'oidc', token: secret, ...times })
}

function shown({ id, type, claims, permissions }: TrustRule) {
  return { id, type, claims, permissions }
}

function named(ctx: Context) {
  return fromNpmName(param(ctx, 'name'))
}
