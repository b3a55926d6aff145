import type { Millis } from '../base/time.ts'

/**
 * A shared memory that may forget anything at any time: nothing true lives only here. Written once over ioredis, it runs on
 * Redis and on ioredis-mock. When Redis is away, reads are misses and writes are dropped, with one log line a minute.
 */
export interface Kv {
  get(key: string): Promise<Buffer | undefined>
  set(key: string, value: Buffer | string, ttl: Millis): Promise<void>
  delete(key: string): Promise<void>
  /** Counts up (`by` -1: down) and returns the count; the first call starts the time to live. */
  increment(key: string, ttl: Millis, by?: 1 | -1): Promise<number>
  /** Holds `key` alone until disposed or until `ttl`; undefined when another holds it. */
  lease(key: string, ttl: Millis): Promise<AsyncDisposable | undefined>
  /** Resolves when it answers; rejects otherwise. */
  ping(): Promise<void>
  close(): Promise<void>
}
