import { Fault, isFault } from '../../base/fault.ts'
import { type Clock, type Millis, minutes, seconds } from '../../base/time.ts'
import { Busy } from './upstream-faults.ts'

/** Failures in a row after which we stop asking. */
const PATIENCE = 5
const PAUSE: Millis = seconds(15)
/** A rest that an upstream asks for is granted up to here: one that is wrong about it must not be lost for a day. */
const LONGEST_REST: Millis = minutes(2)

/**
 * Spares an upstream that is down, and those who wait for it: after a row of failures nobody asks for a while, and then one goes ahead for all. One that
 * asks for rest gets it. Whoever is turned away hears of an upstream that failed, never of a package that does not exist.
 */
export class Breaker {
  readonly #clock: Clock
  #failures = 0
  #closedUntil: Millis = 0
  #restsUntil: Millis = 0

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
      const now = this.#clock.now()
      if (isDown && ++this.#failures >= PATIENCE) this.#closedUntil = now + PAUSE
      this.#restsUntil = Math.max(this.#restsUntil, now + restOf(error))
      throw error
    }
  }

  /** For what is asked on the side: heeds the breaker, and has no say in it. UPSTREAM_UNAVAILABLE. */
  check(what: string): void {
    const now = this.#clock.now()
    const isClosed = this.#failures >= PATIENCE && this.#closedUntil > now
    const until = isClosed ? this.#closedUntil : this.#restsUntil
    if (until <= now) return
    const because = isClosed ? `it failed ${this.#failures} times in a row` : 'it wants to be left alone'
    const why = `${because} and is asked again in ${Math.ceil((until - now) / 1000)} seconds`
    throw new Fault('UPSTREAM_UNAVAILABLE', { what, why })
  }

  #admit(what: string): void {
    this.check(what)
    if (this.#failures < PATIENCE) return
    this.#closedUntil = this.#clock.now() + PAUSE // the others wait for what this one finds out
  }
}

/** How long an upstream wants to be left alone. */
function restOf(error: unknown): Millis {
  const cause = isFault(error) ? error.cause : undefined
  return cause instanceof Busy ? Math.min(cause.retryAfter ?? 0, LONGEST_REST) : 0
}
