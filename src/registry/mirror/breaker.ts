import { Fault, isFault } from '../../base/fault.ts'
import { type Clock, type Millis, seconds } from '../../base/time.ts'

/** Failures in a row after which we stop asking. */
const PATIENCE = 5
const PAUSE: Millis = seconds(15)

/**
 * Spares an upstream that is down, and those who wait for it: after a row of failures nobody asks for a while, and then one goes ahead for all.
 * Whoever is turned away hears of an upstream that failed, never of a package that does not exist.
 */
export class Breaker {
  readonly #clock: Clock
  #failures = 0
  #closedUntil: Millis = 0

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Runs `work` unless the upstream is spared. UPSTREAM_UNAVAILABLE, and what `work` throws. */
  async run<T>(what: string, work: () => Promise<T>): Promise<T> {
    this.#admit(what)
    try {
      const result = await work()
      this.#failures = 0
      return result
    } catch (error) {
      const isDown = isFault(error, 'UPSTREAM_UNAVAILABLE', 'UPSTREAM_TIMEOUT')
      if (isDown && ++this.#failures >= PATIENCE) this.#closedUntil = this.#clock.now() + PAUSE
      throw error
    }
  }

  /** For what is asked on the side: heeds the breaker, and has no say in it. UPSTREAM_UNAVAILABLE. */
  check(what: string): void {
    const left = this.#closedUntil - this.#clock.now()
    if (this.#failures < PATIENCE || left <= 0) return
    const why = `it failed ${this.#failures} times in a row and is asked again in ${Math.ceil(left / 1000)} seconds`
    throw new Fault('UPSTREAM_UNAVAILABLE', { what, why })
  }

  #admit(what: string): void {
    this.check(what)
    if (this.#failures < PATIENCE) return
    this.#closedUntil = this.#clock.now() + PAUSE // the others wait for what this one finds out
  }
}
