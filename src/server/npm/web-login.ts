import type { Context, Middleware } from 'koa'
import { Fault, isFault } from '../../base/fault.ts'
import type { Registry } from '../../registry/registry.ts'
import { beginLogin, clientOf, pollLogin } from '../http/cli-login.ts'
import { param } from '../http/json.ts'
import { www } from '../http/local.ts'

/** POST /-/v1/login, as npm, pnpm, berry and `ds` begin a login in the browser. */
export function beginWebLogin(ctx: Context, registry: Registry): Promise<void> {
  return beginLogin(ctx, registry, (poll) => doneUrl(ctx, poll))
}

/** GET /-/v1/login/poll/ID. */
export function pollWebLogin(ctx: Context, registry: Registry): Promise<void> {
  return pollLogin(ctx, registry, param(ctx, 'id'))
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
      const authUrl = www('login', 'confirm').with({ id }).below(ctx.state.root)
      throw new Fault('OTP_REQUIRED', { authUrl, doneUrl: doneUrl(ctx, poll) }, { cause: error })
    }
  }
}

function doneUrl(ctx: Context, poll: string): string {
  return `${ctx.state.address}/-/v1/login/poll/${poll}`
}
