import { randomUUID } from 'node:crypto'
import type { Log } from '../base/log.ts'
import { type Clock, type Millis, minutes, systemClock } from '../base/time.ts'
import type { Kv } from './kv.ts'
import { RedisKv } from './kv-redis.ts'

/**
 * The Kv of a server without Redis: RedisKv over ioredis-mock, in this process. The mock frees an expired key only when somebody
 * asks for it, so this remembers when keys are due and asks, once a minute.
 */
export class MemoryKv implements Kv {
  readonly #log: Log
  readonly #clock: Clock
  readonly #due = new Map<string, Millis>()
  readonly #timer: NodeJS.Timeout
  #opened: Promise<Kv> | undefined

  constructor(log: Log, clock: Clock = systemClock) {
    this.#log = log
    this.#clock = clock
    this.#timer = setInterval(() => void this.sweep(), minutes(1)).unref()
  }

  /** How many keys are remembered, expired ones not yet swept among them. */
  get size(): number {
    return this.#due.size
  }

  async get(key: string): Promise<Buffer | undefined> {
    return (await this.#kv()).get(key)
  }

  async set(key: string, value: Buffer | string, ttl: Millis): Promise<void> {
    await (await this.#kv()).set(key, value, ttl)
    this.#note(key, ttl)
  }

  async delete(key: string): Promise<void> {
    this.#due.delete(key)
    await (await this.#kv()).delete(key)
  }

  async increment(key: string, ttl: Millis, by: 1 | -1 = 1): Promise<number> {
    const count = await (await this.#kv()).increment(key, ttl, by)
    this.#note(key, ttl)
    return count
  }

  async lease(key: string, ttl: Millis): Promise<AsyncDisposable | undefined> {
    const lease = await (await this.#kv()).lease(key, ttl)
    this.#note(key, ttl)
    return lease
  }

  /** Frees the memory of what has expired. */
  async sweep(): Promise<void> {
    const now = this.#clock.now()
    for (const [key, due] of this.#due) {
      if (due >= now) continue
      this.#due.delete(key)
      await this.get(key)
    }
  }

  async ping(): Promise<void> {}

  async close(): Promise<void> {
    clearInterval(this.#timer)
    await (await this.#opened)?.close()
  }

  /** Called after the mock has set its own time, so that a key is surely expired there when it is due here. */
  #note(key: string, ttl: Millis): void {
    this.#due.set(key, this.#clock.now() + ttl)
  }

  #kv(): Promise<Kv> {
    this.#opened ??= this.#open()
    return this.#opened
  }

  /** On first use only: the mock brings a Lua machine along and takes long to load. */
  async #open(): Promise<Kv> {
    const { default: RedisMock } = await import('ioredis-mock')
    // Mocks of one address share their keys, so each gets an address of its own.
    return new RedisKv(new RedisMock({ host: randomUUID() }), this.#log, this.#clock)
  }
}
