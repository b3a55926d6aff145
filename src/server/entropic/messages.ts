import type { Context } from 'koa'
import type { Detail, Fault, FaultCode } from '../../base/fault.ts'
import type { Envelope } from '../http/faults.ts'

/** How a fault is worded here, where the original says it in other words than the registry. Clients print these. */
export type Wording = { readonly [C in FaultCode]?: (detail: Detail<C>) => string }

const ANYWHERE: Wording = {
  VERSION_EXISTS: (d) => `Cannot publish over previously-published "${d.spec} at ${d.version}".`,
}

/** Statuses that differ from the registry's: its VERSION_EXISTS is npm's 403. */
const STATUSES: { readonly [C in FaultCode]?: number } = { VERSION_EXISTS: 409 }

/** The original's `{"message", "code"}`. A route may word a fault in its own way. */
export const entropicEnvelope: Envelope = (fault, ctx) => {
  if (fault.code === 'UNAUTHENTICATED') return unauthenticated(fault, ctx)
  // The router leaves the route's own wording there.
  const own = (ctx.state.wording ?? {}) as Wording
  // A fault's detail is that of its code; TypeScript cannot follow the pairing through an index.
  const say = (own[fault.code] ?? ANYWHERE[fault.code]) as ((detail: object) => string) | undefined
  const message = say ? say(fault.detail) : fault.message
  return { status: STATUSES[fault.code] ?? fault.status, body: { message, code: fault.code } }
}

/** Nobody, or a token we took back: 403. A token that was never one of ours: 401, so that clients drop it. */
function unauthenticated(fault: Fault, ctx: Context) {
  const secret = (ctx.get('authorization') || 'ent_').replace(/^bearer\s+/i, '')
  if (secret.startsWith('ent_') || secret === 'undefined')
    return { status: 403, body: { message: fault.message, code: fault.code } }
  const message = 'Your auth token is not a valid entropic token.'
  return { status: 401, body: { message, code: fault.code } }
}
