import type { Context } from 'koa'
import { Fault } from '../../../base/fault.ts'
import { www } from '../../http/local.ts'
import { originOf } from '../../http/origin.ts'
import { localPath, sessionOf } from '../session.ts'
import { enter } from './login.ts'
import { type AccountDoor, seeOther } from './parts.ts'

/** `GET …/providers/ID/callback`: somebody comes back from a provider to log in, to link it to their account, or to sign up. */
export async function arrive(ctx: Context, door: AccountDoor): Promise<void> {
  const { identities } = door.registry
  const { provider, profile } = await door.providers.finish(ctx)
  const session = sessionOf(ctx)
  const next = localPath(session.next)
  const caller = await ctx.state.who()
  if (caller.kind === 'user') {
    await identities.link(caller, profile, originOf(ctx, caller))
    return seeOther(ctx, next, `${provider.title} is linked.`)
  }
  const account = await identities.open(profile)
  if (account) return enter(ctx, door, { account, next })
  if (await identities.isLinked(profile)) throw new Fault('FORBIDDEN', { why: 'This account is disabled.' })
  session.arrival = { ...profile, token: undefined } // it would lie open in the session; the next login brings one
  seeOther(ctx, www('signup'))
}
