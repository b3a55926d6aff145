import { Fault } from '../base/fault.ts'
import { minutes } from '../base/time.ts'
import type { Kv } from '../storage/kv.ts'

const WINDOW = minutes(5)
/** On one account from one address. */
const PER_PAIR = 10
/** From one address, whatever the account. */
const PER_ADDRESS = 60

type Guess = { readonly account: string; readonly address: string }

/**
 * Slows down whoever guesses secrets: counted over five minutes, and forgotten with the shared memory. A try counts from before it is known
 * how it ends, so that many at once are no more than many in a row.
 */
export class Attempts {
  readonly #kv: Kv
  readonly #kind: string

  /** `kind` keeps the counts of different secrets apart. */
  constructor(kv: Kv, kind: string) {
    this.#kv = kv
    this.#kind = kind
  }

  /** What `check` finds; undefined is a wrong guess, anything else is not counted. TOO_MANY_REQUESTS, without checking. */
  async guess<T>(guess: Guess, check: () => Promise<T | undefined>): Promise<T | undefined> {
    const [pair, address] = [this.#pair(guess), this.#address(guess)]
    if ((await this.#kv.increment(pair, WINDOW)) > PER_PAIR) throw tooMany()
    if ((await this.#kv.increment(address, WINDOW)) > PER_ADDRESS) {
      await this.#kv.increment(address, WINDOW, -1)
      throw tooMany()
    }
    const found = await check()
    if (found !== undefined)
      await Promise.all([this.#kv.delete(pair), this.#kv.increment(address, WINDOW, -1)])
    return found
  }

  #pair = ({ account, address }: Guess) => `attempts:${this.#kind}:${address}:${account}`
  #address = ({ address }: Guess) => `attempts:${this.#kind}:${address}`
}

const tooMany = () => new Fault('TOO_MANY_REQUESTS', { seconds: WINDOW / 1000 })
