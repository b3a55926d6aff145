import { LRUCache } from 'lru-cache'
import { type Clock, type Millis, seconds } from '../../base/time.ts'

/** Whoever wants a version we lack makes us ask again, but not more often than this. */
const JUST_ASKED = seconds(5)

/** When the upstream was last asked for each package, and before when it need not be asked again. Kept in memory alone. */
export class Asked {
  readonly #clock: Clock
  readonly #times = new LRUCache<string, { readonly at: Millis; readonly due: Millis }>({ max: 20_000 })

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** It was asked `at`, and what came is good for so long. */
  note(npmName: string, { at = this.#clock.now(), respite }: { at?: Millis; respite: Millis }): void {
    this.#times.set(npmName, { at, due: at + respite })
  }

  /** Whether what came is still good. */
  isYoung(npmName: string): boolean {
    const due = this.#times.get(npmName)?.due
    return due !== undefined && this.#clock.now() < due
  }

  /** Whether it was asked so lately that asking again is no use. */
  isRecent(npmName: string): boolean {
    const at = this.#times.get(npmName)?.at
    return at !== undefined && this.#clock.now() - at < JUST_ASKED
  }
}
