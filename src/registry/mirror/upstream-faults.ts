import { Fault, isFault } from '../../base/fault.ts'
import type { Millis } from '../../base/time.ts'
import { ForbiddenHost } from './hosts.ts'

const TIMEOUTS: readonly unknown[] = [
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ETIMEDOUT',
]

/** Words for what went wrong underneath; others show the error's own. */
const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'nobody listens at its address',
  ECONNRESET: 'it closed the connection',
  UND_ERR_SOCKET: 'it closed the connection',
  ENOTFOUND: 'its host name is not known',
  EAI_AGAIN: 'its host name cannot be looked up',
  ABORT_ERR: 'the request was given up',
  UND_ERR_ABORTED: 'the request was given up',
  UND_ERR_DESTROYED: 'the registry is shutting down',
}

/** A reply that says the server cannot answer now. */
export class Busy extends Error {
  readonly retryAfter: Millis | undefined

  constructor(status: number, retryAfter: Millis | undefined) {
    super(`it answered ${status}`)
    this.retryAfter = retryAfter
  }
}

/** What failed while asking upstream for `what`, as a Fault; Faults stay what they are. */
export function faultOf(error: unknown, what: string): Fault {
  if (isFault(error)) return error
  const options = { cause: error }
  if (error instanceof ForbiddenHost)
    return new Fault('UPSTREAM_INVALID', { what, why: error.message }, options)
  const code = codeOf(error)
  if (TIMEOUTS.includes(code) || (error instanceof Error && error.name === 'TimeoutError'))
    return new Fault('UPSTREAM_TIMEOUT', { what, why: 'it stayed silent' }, options)
  const why = WORDS[code] ?? (error instanceof Error ? error.message : String(error))
  return new Fault('UPSTREAM_UNAVAILABLE', { what, why }, options)
}

/** Passes a reply's body on, up to `limit` bytes; what goes wrong on the way comes out as a Fault. */
export async function* checkedBody(
  body: AsyncIterable<Uint8Array>,
  what: string,
  limit: number,
): AsyncGenerator<Uint8Array, void> {
  let size = 0
  try {
    for await (const chunk of body) {
      size += chunk.length
      if (size > limit) throw new Fault('UPSTREAM_INVALID', { what, why: `it is larger than ${limit} bytes` })
      yield chunk
    }
  } catch (error) {
    throw faultOf(error, what)
  }
}

/** A retry-after header (seconds or a date) as time from now; undefined when there is none that makes sense. */
export function retryAfter(header: string | string[] | undefined): Millis | undefined {
  if (typeof header !== 'string') return undefined
  if (/^\d{1,9}$/.test(header)) return Number(header) * 1000
  const date = Date.parse(header)
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now())
}

/** Connecting to several addresses of one host fails with all their errors: the first one's code tells. */
function codeOf(error: unknown): string {
  if (error instanceof AggregateError) return codeOf(error.errors[0])
  if (!(error instanceof Error) || !('code' in error)) return ''
  return String(error.code)
}
