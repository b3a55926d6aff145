import { Fault } from '../base/fault.ts'
import { minutes } from '../base/time.ts'
import type { Kv } from '../storage/kv.ts'

const WINDOW = minutes(5)
/** On one account from one address. */
const PER_PAIR = 10
/** Failures from one address, whatever the account. */
const PER_ADDRESS = 60

type Guess = { readonly account: string; readonly address: string }

/** Slows down whoever guesses secrets: counted over five minutes, and forgotten with the shared memory. */
export class Attempts {
  readonly #kv: Kv
  readonly #kind: string

  /** `kind` keeps the counts of different secrets apart. */
  constructor(kv: Kv, kind: string) {
    this.#kv = kv
    this.#kind = kind
  }

  /** To be called before looking. TOO_MANY_REQUESTS. */
  async count(guess: Guess): Promise<void> {
    const failures = Number(await this.#kv.get(this.#address(guess)))
    const tries = await this.#kv.increment(this.#pair(guess), WINDOW)
    if (tries > PER_PAIR || failures >= PER_ADDRESS)
      throw new Fault('TOO_MANY_REQUESTS', { seconds: WINDOW / 1000 })
  }

  async failed(guess: Guess): Promise<void> {
    await this.#kv.increment(this.#address(guess), WINDOW)
  }

  async succeeded(guess: Guess): Promise<void> {
    await this.#kv.delete(this.#pair(guess))
  }

  #pair = ({ account, address }: Guess) => `attempts:${this.#kind}:${address}:${account}`
  #address = ({ address }: Guess) => `attempts:${this.#kind}:${address}`
}
