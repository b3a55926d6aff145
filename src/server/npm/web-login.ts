import type { Context, Middleware } from 'koa'
import { Fault, isFault } from '../../base/fault.ts'
import type { Registry } from '../../registry/registry.ts'
import { objectOf, readJson, textOf } from '../http/body.ts'
import { json, param } from '../http/json.ts'

const SMALL_BODY = 16 * 1024
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
/** Seconds between two questions; without it npm asks in a tight loop. */
const RETRY_AFTER = '1'

/**
 * POST /-/v1/login, as npm, pnpm, berry and `ds` begin a login in the browser. An Authorization header means nothing here: who logs in anew
 * may hold a token that has ended. `ds` tells the computer's name.
 */
export async function beginLogin(ctx: Context, registry: Registry): Promise<void> {
  const body = await readJson(ctx.req, SMALL_BODY).catch((error: unknown) => {
    if (isFault(error, 'BAD_REQUEST')) return undefined // the original took any body, and nothing in it is needed
    throw error
  })
  const description = textOf(objectOf(body)?.hostname) ?? ''
  const { id, poll } = await registry.logins.begin({ description, ...clientOf(ctx) })
  json(ctx, 200, { loginUrl: `${ctx.state.root}/www/login?cli=${id}`, doneUrl: doneUrl(ctx, poll) })
}

/** GET /-/v1/login/poll/ID: 202 while nobody answered, then the token or the one-time pass, once. */
export async function pollLogin(ctx: Context, registry: Registry): Promise<void> {
  const poll = param(ctx, 'id')
  if (!UUID.test(poll)) throw new Fault('BAD_REQUEST', { why: 'invalid request' })
  const claim = await registry.logins.claim(poll)
  ctx.set('cache-control', 'no-store')
  if (claim.state === 'done') return json(ctx, 200, { token: claim.token, username: claim.username })
  ctx.set('retry-after', RETRY_AFTER)
  json(ctx, 202, {})
}

/**
 * Turns the demand for a one-time password into npm's web form of it, where the client knows that form: it opens `authUrl` in the browser
 * and polls `doneUrl` for a pass to send instead of a code.
 */
export function offerWebOtp(registry: Registry): Middleware {
  return async (ctx, next) => {
    try {
      await next()
    } catch (error) {
      if (!isFault(error, 'OTP_REQUIRED') || ctx.get('npm-auth-type') !== 'web') throw error
      const caller = await ctx.state.who()
      if (caller.kind === 'anonymous') throw error
      const description = ctx.get('npm-command') || `${ctx.method} ${ctx.path}`
      const { id, poll } = await registry.logins.beginOtp(caller, { description, ...clientOf(ctx) })
      const authUrl = `${ctx.state.root}/www/login/confirm?id=${id}`
      throw new Fault('OTP_REQUIRED', { authUrl, doneUrl: doneUrl(ctx, poll) }, { cause: error })
    }
  }
}

function doneUrl(ctx: Context, poll: string): string {
  return `${ctx.state.address}/-/v1/login/poll/${poll}`
}

function clientOf(ctx: Context) {
  return { address: ctx.ip, agent: ctx.get('user-agent') }
}
