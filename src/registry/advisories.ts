import { createHash } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import { isFault } from '../base/fault.ts'
import { splitNpmName } from '../base/name.ts'
import { SingleFlight } from '../base/single-flight.ts'
import { hours, type Millis, seconds } from '../base/time.ts'
import { listClaimedScopes, listLocalNames } from '../storage/tables/advisories.ts'
import type { Context } from './context.ts'
import type { JsonObject } from './model.ts'
import type { Network } from './network.ts'
import type { Upstream } from './upstream.ts'

/** Name → versions in use. */
export type Installed = ReadonlyMap<string, readonly string[]>
/** Name → advisories, as the upstream gives them; `notice` says why there are none when nobody could be asked. */
export type Advice = { readonly advisories: JsonObject; readonly notice?: string }

const KEPT = hours(6)
const LONGEST = seconds(30)
const MAX_ANSWER = 16 * 2 ** 20
/** Names looked up with one query. */
const CHUNK = 1000

/** Known vulnerabilities, asked of the upstream. Names that are ours are not told to anybody. */
export class Advisories {
  readonly #context: Context
  readonly #network: Network
  readonly #upstream: Upstream | undefined
  readonly #asking = new SingleFlight<Buffer | undefined>()

  constructor(context: Context, parts: { network: Network; upstream?: Upstream }) {
    this.#context = context
    this.#network = parts.network
    this.#upstream = parts.upstream
  }

  /** Waits for `patience` at most; what comes later is kept for the next to ask. Never fails because the upstream does. */
  async find(installed: Installed, patience: Millis): Promise<Advice> {
    const names = await this.#foreign([...installed.keys()])
    if (names.length === 0) return { advisories: {} }
    const question = JSON.stringify(
      Object.fromEntries(names.sort().map((name) => [name, installed.get(name)])),
    )
    const key = `advisories:${createHash('sha256').update(question).digest('base64url')}`
    const kept = await this.#context.storage.kv.get(key)
    if (kept) return { advisories: objectIn(kept) ?? {} }
    if (!this.#upstream?.service) return none('this registry has no upstream to ask')
    if (await this.#network.isOffline()) return none('this registry is offline')
    const late = new AbortController()
    const answer = await Promise.race([
      this.#asking.run(key, () => this.#ask(key, question)),
      wait(patience, undefined, { signal: late.signal }).catch(() => undefined),
    ]).finally(() => late.abort())
    const advisories = answer && objectIn(answer)
    return advisories ? { advisories } : none('the upstream registry did not answer')
  }

  async #ask(key: string, question: string): Promise<Buffer | undefined> {
    const path = '/-/npm/v1/security/advisories/bulk'
    try {
      const request = { path, body: Buffer.from(question), deadline: LONGEST, limit: MAX_ANSWER }
      const answer = await this.#upstream?.service?.(request)
      if (answer && objectIn(answer)) await this.#context.storage.kv.set(key, answer, KEPT)
      return answer
    } catch (error) {
      if (!isFault(error)) throw error
      this.#context.log.info({ err: error }, 'the upstream gave no advisories')
      return undefined
    }
  }

  /** Names that the upstream may hear: neither published here nor under a scope that is claimed here. */
  async #foreign(names: readonly string[]): Promise<string[]> {
    const { read } = this.#context.storage.sql
    const foreign: string[] = []
    for (let at = 0; at < names.length; at += CHUNK) {
      const some = names.slice(at, at + CHUNK)
      const scopes = new Set(some.flatMap((name) => splitNpmName(name).scope ?? []))
      const own = new Set(await listLocalNames(read, some))
      const claimed = new Set(scopes.size === 0 ? [] : await listClaimedScopes(read, [...scopes]))
      foreign.push(...some.filter((name) => !own.has(name) && !claimed.has(splitNpmName(name).scope ?? '')))
    }
    return foreign
  }
}

function none(why: string): Advice {
  return { advisories: {}, notice: `No audit data: ${why}.` }
}

function objectIn(bytes: Buffer): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString())
    // Checked to be an object; its members stay unknown JSON.
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as JsonObject)
      : undefined
  } catch {
    return undefined
  }
}
