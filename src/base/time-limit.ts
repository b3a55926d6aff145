import { createContext, runInContext } from 'node:vm'
import type { Millis } from './time.ts'

const TOOK_TOO_LONG = 'ERR_SCRIPT_EXECUTION_TIMEOUT'

/**
 * Runs what strangers' input may make run for minutes, or too deep; undefined when it was cut off after `limit`, or ran out of stack.
 * `work` is cut off anywhere, so it must change nothing outside itself.
 */
export function withinTime<T>(limit: Millis, work: () => T): T | undefined {
  try {
    // The one interruption that a thread has from outside; the context holds nothing but the call.
    return runInContext('work()', createContext({ work }), { timeout: limit })
  } catch (error) {
    if (error instanceof RangeError || codeOf(error) === TOOK_TOO_LONG) return undefined
    throw error
  }
}

/** The interruption is an error of the context's own realm, which `instanceof` does not know here. */
function codeOf(error: unknown): unknown {
  return typeof error === 'object' && error !== null && 'code' in error ? error.code : undefined
}
