import { LRUCache } from 'lru-cache'
import { isFault } from '../../base/fault.ts'
import { hours, type Millis } from '../../base/time.ts'

/** As long as this, what everybody could read a moment ago is given out without asking whether it still holds. */
const GOOD_FOR: Millis = hours(1)
const MOST = 10_000

/** What was found, and whether nobody could be asked if it still holds. */
export type Found<T> = { readonly value: T; readonly isStale: boolean }

/**
 * What was last found under a name, for as long as the database does not answer. Only what everybody may read is kept: who may read the rest
 * could not be asked either.
 */
export class LastKnown<T extends object | symbol> {
  readonly #known = new LRUCache<string, T>({ max: MOST, ttl: GOOD_FOR })
  readonly #isPublic: (value: T) => boolean

  constructor(isPublic: (value: T) => boolean) {
    this.#isPublic = isPublic
  }

  /** What `ask` resolves to, or while that is UNAVAILABLE what it resolved to last. Throws what it throws. */
  async find(key: string, ask: () => Promise<T>): Promise<Found<T>> {
    try {
      const value = await ask()
      if (this.#isPublic(value)) this.#known.set(key, value)
      else this.#known.delete(key)
      return { value, isStale: false }
    } catch (error) {
      const known = isFault(error, 'UNAVAILABLE') ? this.#known.get(key) : undefined
      if (known) return { value: known, isStale: true }
      if (!isFault(error, 'UNAVAILABLE')) this.#known.delete(key)
      throw error
    }
  }
}
