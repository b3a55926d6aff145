import { LRUCache } from 'lru-cache'
import { isFault } from '../../base/fault.ts'
import { hours, type Millis, minutes } from '../../base/time.ts'

/** As long as this, what everybody could read a moment ago is given out without asking whether it still holds. */
const GOOD_FOR: Millis = hours(1)
/** How far behind the last time it was read this may be counted: noting each would cost as much as finding it. */
const INEXACT: Millis = minutes(1)
/** More than the lock file of a large application names. */
const MOST = 4000

/** What was found, and whether nobody could be asked if it still holds. */
export type Found<T> = { readonly value: T; readonly isStale: boolean }

/**
 * What was last found under a name, for as long as the database does not answer. Only what everybody may read is kept: who may read the rest
 * could not be asked either.
 */
export class LastKnown<T extends object | symbol> {
  readonly #known = new LRUCache<string, { readonly value: T; readonly at: Millis }>({ max: MOST })
  readonly #isPublic: (value: T) => boolean

  constructor(isPublic: (value: T) => boolean) {
    this.#isPublic = isPublic
  }

  /** What `ask` resolves to, or while that is UNAVAILABLE what it resolved to last. Throws what it throws. */
  async find(key: string, ask: () => Promise<T>): Promise<Found<T>> {
    try {
      const value = await ask()
      this.#note(key, value)
      return { value, isStale: false }
    } catch (error) {
      const known = isFault(error, 'UNAVAILABLE') ? this.#known.get(key) : undefined
      if (known && performance.now() - known.at < GOOD_FOR) return { value: known.value, isStale: true }
      if (!isFault(error, 'UNAVAILABLE')) this.#known.delete(key)
      throw error
    }
  }

  #note(key: string, value: T): void {
    if (!this.#isPublic(value)) return void this.#known.delete(key)
    const [known, at] = [this.#known.get(key), performance.now()]
    if (known?.value !== value || at - known.at > INEXACT) this.#known.set(key, { value, at })
  }
}
