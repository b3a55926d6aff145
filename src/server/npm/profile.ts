import type { Context } from 'koa'
import { Fault, fail } from '../../base/fault.ts'
import { iso } from '../../base/time.ts'
import type { Account } from '../../registry/accounts.ts'
import type { Json, JsonObject, User } from '../../registry/model.ts'
import type { Registry } from '../../registry/registry.ts'
import type { TfaMode } from '../../registry/two-factor.ts'
import { objectOf, readObject, textOf } from '../http/body.ts'
import { json } from '../http/json.ts'
import { originOf } from '../http/origin.ts'

const SMALL_BODY = 64 * 1024

/** `npm profile get`. */
export async function showProfile(ctx: Context, registry: Registry): Promise<void> {
  const { account } = await owner(ctx, registry)
  json(ctx, 200, await profileOf(registry, account))
}

/**
 * POST /-/npm/v1/user, all of `npm profile set`, `enable-2fa` and `disable-2fa`: the body tells which. Setting a field sends all the others
 * along as they were.
 */
export async function changeProfile(ctx: Context, registry: Registry): Promise<void> {
  const { user, account } = await owner(ctx, registry)
  await registry.access.self(user)
  const body = await readObject(ctx.req, SMALL_BODY)
  const by = originOf(ctx, user)
  if (body.tfa !== undefined && body.tfa !== null)
    return json(ctx, 200, { tfa: await changeTfa(ctx, registry, { account, user, wish: body.tfa }) })
  const passwords = objectOf(body.password)
  if (passwords) {
    await checkPassword(ctx, registry, { account, password: passwords.old })
    await registry.accounts.setPassword(user.name, textOf(passwords.new) ?? '', { by })
  }
  const email = textOf(body.email)
  if (email !== undefined && email !== account.email) await registry.accounts.setEmail(user.name, email, by)
  json(ctx, 200, await profileOf(registry, (await registry.accounts.findById(account.id)) ?? account))
}

type Wish = { readonly account: Account; readonly user: User; readonly wish: Json }

/** What npm is told: the address for the app, the recovery codes, the changed mode, or nothing more. */
async function changeTfa(ctx: Context, registry: Registry, { account, user, wish }: Wish): Promise<Json> {
  const { twoFactor } = registry
  const by = originOf(ctx, user)
  if (Array.isArray(wish)) {
    const codes = await twoFactor.confirm(account, textOf(wish[0]) ?? '', by)
    await registry.sessions.endOthers(user, by) // they were opened without it
    return codes
  }
  const { mode, password } = objectOf(wish) ?? fail('BAD_REQUEST', { why: 'tfa must be an object or a code' })
  const isActive = await twoFactor.isActive(account.id)
  if (isActive) await twoFactor.prove(user)
  if (password !== undefined || !isActive) await checkPassword(ctx, registry, { account, password })
  if (mode === 'disable') {
    await twoFactor.remove(account, by)
    return null
  }
  if (!isActive) return twoFactor.begin(account, modeOf(mode))
  const changed = { mode: modeOf(mode) }
  await twoFactor.setMode(account, changed.mode, by)
  return wantsNull(ctx.get('user-agent')) ? null : changed
}

/** Of a changed mode npm before 11 wants to hear null, and later ones the mode; each takes the other's answer for a failure. */
function wantsNull(userAgent: string): boolean {
  const major = /^npm\/(\d+)\./.exec(userAgent)?.[1]
  return major !== undefined && Number(major) < 11
}

function modeOf(mode: Json | undefined): TfaMode {
  if (mode === 'auth-only' || mode === 'auth-and-writes') return mode
  return fail('BAD_REQUEST', { why: 'the mode is auth-only, auth-and-writes or disable' })
}

async function checkPassword(
  ctx: Context,
  registry: Registry,
  { account, password }: { account: Account; password: Json | undefined },
): Promise<void> {
  const known = await registry.accounts.verifyPassword(account.name, textOf(password) ?? '', ctx.ip)
  if (!known) throw new Fault('UNAUTHENTICATED', { why: 'The password is wrong.' })
}

async function profileOf(registry: Registry, account: Account): Promise<JsonObject> {
  const status = await registry.twoFactor.status(account.id)
  const created = iso(account.createdAt)
  return {
    name: account.name,
    email: account.email,
    email_verified: false,
    created,
    updated: created,
    tfa: status ? { pending: status.isPending, mode: status.mode } : null,
    cidr_whitelist: null,
  }
}

async function owner(ctx: Context, registry: Registry): Promise<{ user: User; account: Account }> {
  const user = await ctx.state.who()
  if (user.kind === 'anonymous') return fail('UNAUTHENTICATED', {})
  return { user, account: (await registry.accounts.findById(user.id)) ?? fail('UNAUTHENTICATED', {}) }
}
