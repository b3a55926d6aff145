import { setTimeout as wait } from 'node:timers/promises'
import { Fault } from '../../base/fault.ts'

const ATTEMPTS = 800
const LONGEST_PAUSE_MS = 25

/**
 * Repeats `work` while it fails with an error that `again` knows as passing. The pauses are awaited and of random length, so that
 * the event loop goes on and rivals do not march in step; on average they add up to 10 seconds, then UNAVAILABLE is thrown.
 */
export async function retrying<T>(work: () => Promise<T>, again: (error: unknown) => boolean): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work()
    } catch (error) {
      if (!again(error)) throw error
      if (attempt === ATTEMPTS)
        throw new Fault('UNAVAILABLE', { why: 'The database is busy. Try again.' }, { cause: error })
    }
    await wait(Math.random() * Math.min(attempt, LONGEST_PAUSE_MS))
  }
}
