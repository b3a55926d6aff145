import type { Context, Middleware } from 'koa'
import { Fault, isFault } from '../../base/fault.ts'
import type { Log } from '../../base/log.ts'
import { npmSpelling } from '../../base/name.ts'

export type Worded = {
  readonly status: number
  readonly body: object
  /** The sentence, where the door says it in other words than the fault. */
  readonly sentence?: string
}
/** How a door words a failure; undefined: it has answered by itself. */
export type Envelope = (fault: Fault, ctx: Context) => Worded | Promise<Worded | undefined>

/** The sentence names packages as npm's users know them, not as `namespace@host/name`. */
export function inNpmNames(fault: Fault): Fault {
  const detail = { ...fault.detail } // an object in every case: the table of faults says so
  if (!('spec' in detail) || typeof detail.spec !== 'string') return fault
  // The spec alone changes.
  return new Fault(fault.code, { ...detail, spec: npmSpelling(String(detail.spec)) } as Fault['detail'])
}

/**
 * The one place where a failure becomes an HTTP reply. Faults go out in the door's envelope, with their sentence as the reason phrase
 * too, which npm shows. Anything else is our bug: it is logged whole, and the client gets the request id alone.
 */
export function catchFaults(log: Log, envelope: Envelope): Middleware {
  return async (ctx, next) => {
    try {
      await next()
    } catch (error) {
      if (isClientGone(error)) return
      const fault = isFault(error) ? error : ourFault(error, ctx, log)
      await answerFault(ctx, fault, envelope)
    }
  }
}

async function answerFault(ctx: Context, fault: Fault, envelope: Envelope): Promise<void> {
  if (ctx.headerSent) return void ctx.res.destroy()
  const worded = await envelope(fault, ctx)
  const status = worded?.status ?? ctx.status
  ctx.status = status
  ctx.message = reasonPhrase(worded?.sentence ?? fault.message)
  if (isFault(fault, 'TOO_MANY_REQUESTS')) ctx.set('retry-after', String(fault.detail.seconds))
  if (isFault(fault, 'UNAVAILABLE')) ctx.set('retry-after', '5')
  if (isFault(fault, 'METHOD_NOT_ALLOWED')) ctx.set('allow', fault.detail.allowed.join(', '))
  if (status === 401 && !isFault(fault, 'WRONG_PASSWORD'))
    ctx.set('www-authenticate', isFault(fault, 'OTP_REQUIRED') ? 'OTP' : 'Bearer')
  ctx.set('cache-control', 'no-store')
  if (!worded) return
  ctx.type = 'application/json'
  ctx.body = JSON.stringify(worded.body)
}

function ourFault(error: unknown, ctx: Context, log: Log): Fault {
  const id = String(ctx.state.id)
  log.error({ err: error, id, method: ctx.method, path: ctx.path }, 'a request failed by a bug of ours')
  return new Fault('INTERNAL', { id })
}

/** The client hung up, or sent what is no HTTP (HPE_…), upon which Node hangs up: nobody is left to answer. */
export function isClientGone(error: unknown): boolean {
  if (!(error instanceof Error && 'code' in error)) return false
  const code = String(error.code)
  return ['ECONNRESET', 'EPIPE', 'ERR_STREAM_PREMATURE_CLOSE'].includes(code) || code.startsWith('HPE_')
}

/** HTTP/1.1 allows printable Latin-1 there; keep to ASCII and a length that fits a terminal. */
function reasonPhrase(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, ' ').slice(0, 200)
}
