import type { Context } from 'koa'
import { Fault, fail } from '../../base/fault.ts'
import { iso } from '../../base/time.ts'
import type { User } from '../../registry/model.ts'
import type { Registry } from '../../registry/registry.ts'
import type { IssuedToken, Token } from '../../registry/tokens.ts'
import { readObject, textOf } from '../http/body.ts'
import { json, param } from '../http/json.ts'

const SMALL_BODY = 64 * 1024
const PER_PAGE = 100

/** `npm token list`. npm revokes by comparing with `key` and with the leading part shown in `token`. */
export async function listTokens(ctx: Context, registry: Registry): Promise<void> {
  const user = await requireUser(ctx)
  const page = Math.max(0, Number(ctx.query.page) || 0)
  const all = await registry.tokens.list(user.name)
  const objects = all.slice(page * PER_PAGE, (page + 1) * PER_PAGE).map(shown)
  const next = (page + 1) * PER_PAGE < all.length
  const urls = next ? { next: `${ctx.state.address}/-/npm/v1/tokens?page=${page + 1}` } : {}
  json(ctx, 200, { objects, total: all.length, urls })
}

/** `npm token create`: npm sends the account's password along, so that a stolen token cannot make more tokens. */
export async function createToken(ctx: Context, registry: Registry): Promise<void> {
  const user = await requireUser(ctx)
  const body = await readObject(ctx.req, SMALL_BODY)
  const account = await registry.accounts.verifyPassword(user.name, textOf(body.password) ?? '', ctx.ip)
  if (!account) throw new Fault('UNAUTHENTICATED', { why: 'The password is wrong.' })
  const description =
    textOf(body.name) ?? textOf(body.description) ?? textOf(body.token_description) ?? 'npm token'
  const readonly = body.readonly === true || body.packages_and_scopes_permission === 'read-only'
  const access = readonly || !user.mayPublish ? 'read' : 'publish'
  const issued = await registry.tokens.issue({ accountName: user.name, description, access })
  json(ctx, 201, { ...shown(issued), token: issued.secret })
}

/** `npm token revoke`: by key, or by the whole token. */
export async function revokeToken(ctx: Context, registry: Registry): Promise<void> {
  const user = await requireUser(ctx)
  const key = param(ctx, 'key')
  if (key.startsWith('ent_')) await registry.tokens.revokeSecret(user, key)
  else await registry.tokens.revoke(await ownId(registry, user, key))
  ctx.status = 204
}

async function ownId(registry: Registry, user: User, id: string): Promise<string> {
  const own = await registry.tokens.list(user.name)
  return own.find((token) => token.id === id)?.id ?? fail('NOT_FOUND', { what: `token ${id}` })
}

async function requireUser(ctx: Context): Promise<User> {
  const caller = await ctx.state.who()
  return caller.kind === 'user' ? caller : fail('UNAUTHENTICATED', {})
}

function shown(token: Token | IssuedToken) {
  return {
    key: token.id,
    token: token.hint,
    name: token.description,
    created: iso(token.createdAt),
    updated: iso(token.createdAt),
    accessed: token.usedAt === undefined ? null : iso(token.usedAt),
    expiry: token.expiresAt === undefined ? null : iso(token.expiresAt),
    readonly: token.access === 'read',
    cidr_whitelist: null,
  }
}
