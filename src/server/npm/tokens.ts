import type { Context } from 'koa'
import { Fault, fail } from '../../base/fault.ts'
import { days, iso } from '../../base/time.ts'
import type { Json, JsonObject, User } from '../../registry/model.ts'
import type { Registry } from '../../registry/registry.ts'
import { type IssuedToken, mayRevoke, type Token, type TokenGrant } from '../../registry/tokens.ts'
import { readObject, textOf } from '../http/body.ts'
import { json, param } from '../http/json.ts'
import { www } from '../http/local.ts'
import { originOf } from '../http/origin.ts'

const SMALL_BODY = 64 * 1024
const PER_PAGE = 100
const LONGEST_DAYS = 3650

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
  await requireOwner(ctx, registry, { user, body })
  const request = { accountName: user.name, by: originOf(ctx, user), ...grantOf(body, user) }
  const issued = await registry.tokens.issue(request)
  json(ctx, 201, { ...shown(issued), token: issued.secret })
}

/** `npm token revoke`: by key, or by the whole token. A token may end itself; to end others, it must be a whole one. */
export async function revokeToken(ctx: Context, registry: Registry): Promise<void> {
  const user = await requireUser(ctx)
  const key = param(ctx, 'key')
  const by = originOf(ctx, user)
  if (key.startsWith('ent_')) await registry.tokens.revokeSecret(user, key, by)
  else {
    if (user.limits) throw new Fault('FORBIDDEN', { why: 'A limited token cannot revoke others.' })
    const id = await ownId(registry, user, key)
    mayRevoke(user, id)
    await registry.tokens.revoke(id, by)
  }
  ctx.status = 204
}

/** The person themselves, not only their token: by password, and by the second factor where there is one. */
async function requireOwner(
  ctx: Context,
  registry: Registry,
  { user, body }: { user: User; body: JsonObject },
): Promise<void> {
  if (user.limits) throw new Fault('FORBIDDEN', { why: 'A limited token cannot make tokens.' })
  const account = await registry.accounts.find(user.name)
  if (!account?.hasPassword) {
    const why = `This account has no password. Make the token in the browser: ${www('tokens').below(ctx.state.root)}`
    throw new Fault('FORBIDDEN', { why })
  }
  if (!(await registry.accounts.verifyPassword(user.name, textOf(body.password) ?? '', ctx.ip)))
    throw new Fault('UNAUTHENTICATED', { why: 'The password is wrong.' })
  if (await registry.twoFactor.isActive(user.id)) await registry.twoFactor.prove(user)
}

/** What npm 10, 11 and 12 ask for in their words, and what npm's API documents in others. */
function grantOf(body: JsonObject, user: User): TokenGrant {
  const permission = body.packages_and_scopes_permission
  if (permission === 'no-access')
    throw new Fault('BAD_REQUEST', { why: 'a token without access to packages is of no use here' })
  const isReadOnly = body.readonly === true || permission === 'read-only' || !user.mayPublish
  const lifetime = lifetimeOf(body.expires)
  const scopes = [...texts(body.scopes), ...texts(body.orgs)]
  return {
    description:
      textOf(body.name) ?? textOf(body.token_description) ?? textOf(body.description) ?? 'npm token',
    access: isReadOnly ? 'read' : 'publish',
    ...(lifetime !== undefined && { lifetime }),
    packages: texts(body.packages).filter((name) => name !== '*'),
    namespaces: scopes,
    cidr: texts(body.cidr_whitelist ?? body.cidr),
    bypassesTfa: body.bypass_2fa === true,
  }
}

/** Days, as npm sends them. */
function lifetimeOf(value: Json | undefined): number | undefined {
  if (value === undefined || value === null) return undefined
  const number = Number(value)
  if (Number.isInteger(number) && number > 0 && number <= LONGEST_DAYS) return days(number)
  throw new Fault('BAD_REQUEST', { why: `expires is a number of days, 1 to ${LONGEST_DAYS}` })
}

function texts(value: Json | undefined): string[] {
  if (value === undefined || value === null) return []
  const items = Array.isArray(value) ? value : [value]
  // A restriction that is not understood must not become none.
  return items.map((item) => textOf(item) ?? fail('BAD_REQUEST', { why: 'a restriction is a list of texts' }))
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
  const expiry = token.expiresAt === undefined ? null : iso(token.expiresAt)
  const scopes = [
    ...(token.limits?.packages ?? []).map((name) => ({ name, type: 'package' })),
    ...(token.limits?.namespaces ?? []).map((name) => ({ name: `@${name}`, type: 'scope' })),
  ]
  return {
    key: token.id,
    token: token.hint,
    name: token.description,
    created: iso(token.createdAt),
    updated: iso(token.createdAt),
    accessed: token.usedAt === undefined ? null : iso(token.usedAt),
    expiry,
    ...(expiry !== null && { expires: expiry }),
    readonly: token.access === 'read',
    bypass_2fa: token.bypassesTfa,
    permissions: [{ name: 'package', action: token.access === 'read' ? 'read' : 'write' }],
    scopes,
    cidr_whitelist: token.cidr.length === 0 ? null : token.cidr,
  }
}
