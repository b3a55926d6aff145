import { randomUUID } from 'node:crypto'
import type { Millis } from '../base/time.ts'
import type { Kv } from './kv.ts'

/** One end of what two processes talk through: a child's `process`, its parent's handle of it. Bytes must come through as bytes. */
export type Channel = {
  send?:
    | ((message: object, handle: undefined, options: undefined, callback: () => void) => unknown)
    | undefined
  on(event: 'message', listener: (message: unknown) => void): unknown
}

const NAMES = ['get', 'set', 'delete', 'increment', 'lease', 'release', 'ping'] as const
type Name = (typeof NAMES)[number]
type Question = { readonly kv: Name; readonly id: number; readonly given: readonly unknown[] }
type Answer = { readonly kv: 'answer'; readonly id: number; readonly value: unknown }

/** Whoever is gone by the time hears nothing, and nobody minds. */
const unheard = () => undefined

/** Lets a ChannelKv at the other end work on `kv`, which stays open when the channel closes. */
export function serveKv(kv: Kv, channel: Channel): void {
  const leases = new Map<string, AsyncDisposable>()
  channel.on('message', (message) => {
    if (!isQuestion(message)) return
    const { id } = message
    perform(kv, leases, message)
      .catch(() => undefined) // a memory may forget
      .then((value) =>
        channel.send?.({ kv: 'answer', id, value } satisfies Answer, undefined, undefined, unheard),
      )
  })
}

async function perform(kv: Kv, leases: Map<string, AsyncDisposable>, { kv: name, given }: Question) {
  const bytes = given.map((one) => (one instanceof Uint8Array ? Buffer.from(one) : one))
  // What ChannelKv sent: its own arguments.
  const [key, second, third] = bytes as [string, never, never]
  if (name !== 'lease' && name !== 'release') return kv[name](key, second, third)
  if (name === 'release')
    return leases
      .get(key)
      ?.[Symbol.asyncDispose]()
      .then(() => leases.delete(key))
  const lease = await kv.lease(key, second)
  if (!lease) return undefined
  const id = randomUUID()
  leases.set(id, lease)
  return id
}

/** The memory of another process: several that serve one registry without Redis share that of the process which started them. */
export class ChannelKv implements Kv {
  readonly #channel: Channel
  readonly #waiting = new Map<number, (value: unknown) => void>()
  #asked = 0

  constructor(channel: Channel) {
    this.#channel = channel
    channel.on('message', (message) => {
      if (!isAnswer(message)) return
      this.#waiting.get(message.id)?.(message.value)
      this.#waiting.delete(message.id)
    })
  }

  async get(key: string): Promise<Buffer | undefined> {
    const value = await this.#ask('get', key)
    return value instanceof Uint8Array ? Buffer.from(value) : undefined
  }

  async set(key: string, value: Buffer | string, ttl: Millis): Promise<void> {
    await this.#ask('set', key, value, ttl)
  }

  async delete(key: string): Promise<void> {
    await this.#ask('delete', key)
  }

  async increment(key: string, ttl: Millis, by: 1 | -1 = 1): Promise<number> {
    return Number(await this.#ask('increment', key, ttl, by))
  }

  async lease(key: string, ttl: Millis): Promise<AsyncDisposable | undefined> {
    const id = await this.#ask('lease', key, ttl)
    if (id === undefined) return undefined
    return { [Symbol.asyncDispose]: async () => void (await this.#ask('release', id)) }
  }

  async ping(): Promise<void> {
    await this.#ask('ping')
  }

  async close(): Promise<void> {}

  #ask(kv: Name, ...given: readonly unknown[]): Promise<unknown> {
    return new Promise((resolve) => {
      const id = ++this.#asked
      this.#waiting.set(id, resolve)
      this.#channel.send?.({ kv, id, given } satisfies Question, undefined, undefined, unheard)
    })
  }
}

function isQuestion(message: unknown): message is Question {
  return (
    typeof message === 'object' && message !== null && 'kv' in message && NAMES.includes(message.kv as Name)
  )
}

function isAnswer(message: unknown): message is Answer {
  return typeof message === 'object' && message !== null && 'kv' in message && message.kv === 'answer'
}
