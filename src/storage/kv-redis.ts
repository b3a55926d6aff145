import { randomUUID } from 'node:crypto'
import type { Cluster, Redis } from 'ioredis'
import { LRUCache } from 'lru-cache'
import type { Log } from '../base/log.ts'
import { type Clock, type Millis, minutes, systemClock } from '../base/time.ts'
import type { Kv } from './kv.ts'

const RELEASE = `if redis.call('get', KEYS[1]) == ARGV[1] then return redis.call('del', KEYS[1]) end return 0`

/** The Kv over the ioredis API: a real client or ioredis-mock. It closes the client it is handed. */
export class RedisKv implements Kv {
  readonly #client: Redis | Cluster
  readonly #log: Log
  readonly #clock: Clock
  readonly #counts = new LRUCache<string, { count: number }>({ max: 10_000 })
  #loggedAt = Number.NEGATIVE_INFINITY

  constructor(client: Redis | Cluster, log: Log, clock: Clock = systemClock) {
    this.#client = client
    this.#log = log
    this.#clock = clock
    // Without a listener, a lost connection would end the process.
    client.on('error', (error: unknown) => this.#noteLoss(error))
  }

  async get(key: string): Promise<Buffer | undefined> {
    return (await this.#try(() => this.#client.getBuffer(key))) ?? undefined
  }

  async set(key: string, value: Buffer | string, ttl: Millis): Promise<void> {
    await this.#try(() => this.#client.set(key, value, 'PX', ttl))
  }

  async delete(key: string): Promise<void> {
    this.#counts.delete(key)
    await this.#try(() => this.#client.del(key))
  }

  async increment(key: string, ttl: Millis, by = 1): Promise<number> {
    // Two commands in one transaction: a counter can never be left without its time to live.
    const count = () => this.#client.multi().set(key, 0, 'PX', ttl, 'NX').incrby(key, by).exec()
    const replies = await this.#try(count)
    return replies ? Number(replies[1]?.[1]) : this.#countHere(key, ttl, by)
  }

  async lease(key: string, ttl: Millis): Promise<AsyncDisposable | undefined> {
    const holder = randomUUID()
    if ((await this.#try(() => this.#client.set(key, holder, 'PX', ttl, 'NX'))) !== 'OK') return undefined
    const release = () => this.#client.eval(RELEASE, 1, key, holder)
    return { [Symbol.asyncDispose]: async () => void (await this.#try(release)) }
  }

  async ping(): Promise<void> {
    await this.#client.ping()
  }

  async close(): Promise<void> {
    this.#client.disconnect()
  }

  /** While Redis is away each process counts for itself: a limit is then looser, but never gone. */
  #countHere(key: string, ttl: Millis, by: number): number {
    const known = this.#counts.get(key)
    if (known) known.count += by
    else this.#counts.set(key, { count: by }, { ttl })
    return known?.count ?? by
  }

  async #try<T>(command: () => Promise<T>): Promise<T | undefined> {
    try {
      return await command()
    } catch (error) {
      this.#noteLoss(error)
      return undefined
    }
  }

  #noteLoss(error: unknown): void {
    if (this.#clock.now() - this.#loggedAt < minutes(1)) return
    this.#loggedAt = this.#clock.now()
    this.#log.warn({ err: error }, 'Redis is away: going on without it')
  }
}
