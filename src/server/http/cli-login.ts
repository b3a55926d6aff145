import type { Context } from 'koa'
import { Fault, isFault } from '../../base/fault.ts'
import type { Registry } from '../../registry/registry.ts'
import { objectOf, readJson, textOf } from './body.ts'
import { json } from './json.ts'
import { www } from './local.ts'

const SMALL_BODY = 16 * 1024
const UUID = /^[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i
/** Seconds between two questions; without it npm asks in a tight loop. */
const RETRY_AFTER = '1'

/**
 * Begins the login of a command line in the browser. An Authorization header means nothing here: who logs in anew may hold a token that
 * has ended. `ds` tells the computer's name. `doneUrl` is where the door answers the poll.
 */
export async function beginLogin(
  ctx: Context,
  registry: Registry,
  doneUrl: (poll: string) => string,
): Promise<void> {
  const body = await readJson(ctx.req, SMALL_BODY).catch((error: unknown) => {
    if (isFault(error, 'BAD_REQUEST')) return undefined // the original took any body, and nothing in it is needed
    throw error
  })
  const description = textOf(objectOf(body)?.hostname) ?? ''
  const { id, poll } = await registry.logins.begin({ description, ...clientOf(ctx) })
  const loginUrl = www('login').with({ cli: id }).below(ctx.state.root)
  json(ctx, 200, { loginUrl, doneUrl: doneUrl(poll) })
}

/** 202 while nobody answered, then the token or the one-time pass, once. BAD_REQUEST for what is no UUID. */
export async function pollLogin(ctx: Context, registry: Registry, poll: string): Promise<void> {
  if (!UUID.test(poll)) throw new Fault('BAD_REQUEST', { why: 'invalid request' })
  const claim = await registry.logins.claim(poll)
  ctx.set('cache-control', 'no-store')
  if (claim.state === 'done') return json(ctx, 200, { token: claim.token, username: claim.username })
  ctx.set('retry-after', RETRY_AFTER)
  json(ctx, 202, {})
}

/** What is told about the computer that asks. */
export function clientOf(ctx: Context): { address: string; agent: string } {
  return { address: ctx.ip, agent: ctx.get('user-agent') }
}
