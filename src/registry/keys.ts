import type { CompiledQuery } from 'kysely'
import { isFault } from '../base/fault.ts'
import { SingleFlight } from '../base/single-flight.ts'
import { days, type Millis, seconds } from '../base/time.ts'
import { settingByName, upsertSetting } from '../storage/tables/settings.ts'
import type { Context } from './context.ts'
import type { JsonObject } from './model.ts'
import type { Network } from './network.ts'
import type { RegistryKey } from './signer.ts'
import type { Upstream } from './upstream.ts'

type Key = RegistryKey | JsonObject
type Kept = { readonly at: Millis; readonly keys: readonly JsonObject[] }

const FRESH = days(1)
const PATIENCE = seconds(5)
const MAX_KEYS = 2 ** 20

/** Keys that came in bundles, with the packages that they signed. */
const BROUGHT = 'brought-keys'

/**
 * The keys that signatures in our packuments are checked with: ours, and those of the upstreams and of what was brought in bundles, whose signatures
 * mirrored packages carry. npm gives up at the first signature whose key it does not find, so the others' are kept for when they are away.
 */
export class Keys {
  readonly #context: Context
  readonly #network: Network
  readonly #upstream: Upstream | undefined
  readonly #own: readonly RegistryKey[]
  readonly #query: CompiledQuery<{ value: string }>
  readonly #asking = new SingleFlight<readonly JsonObject[] | undefined>()

  constructor(
    context: Context,
    parts: { network: Network; upstream?: Upstream; own: readonly RegistryKey[] },
  ) {
    this.#context = context
    this.#network = parts.network
    this.#upstream = parts.upstream
    this.#own = parts.own
    this.#query = settingByName(context.storage.sql.read)
  }

  async list(): Promise<Key[]> {
    const origins = (this.#upstream?.origins ?? []).filter(({ service }) => service !== undefined)
    const theirs = (await Promise.all(origins.map((origin) => this.#keysOf(origin)))).flat()
    return merged([...(await this.#brought()), ...theirs, ...this.#own])
  }

  /** Keeps what came in a bundle; what it says of a key that is known counts from now on. */
  async learn(keys: readonly JsonObject[]): Promise<void> {
    const all = merged([...(await this.#brought()), ...keys])
    const row = { name: BROUGHT, value: JSON.stringify(all) }
    await this.#context.storage.sql.transaction((tx) => upsertSetting(tx, row))
  }

  async #brought(): Promise<JsonObject[]> {
    const row = await this.#context.storage.sql.first(this.#query, [BROUGHT])
    return row ? (JSON.parse(row.value) as JsonObject[]) : [] // we wrote it ourselves
  }

  async #keysOf(origin: Upstream): Promise<readonly JsonObject[]> {
    const kept = await this.#kept(origin)
    if (kept && this.#context.clock.now() - kept.at < FRESH) return kept.keys
    if (await this.#network.isOffline(origin.url)) return kept?.keys ?? []
    return (await this.#asking.run(origin.url, () => this.#ask(origin))) ?? kept?.keys ?? []
  }

  async #kept(origin: Upstream): Promise<Kept | undefined> {
    const row = await this.#context.storage.sql.first(this.#query, [settingOf(origin)])
    // We wrote it ourselves.
    return row && (JSON.parse(row.value) as Kept)
  }

  async #ask(origin: Upstream): Promise<readonly JsonObject[] | undefined> {
    try {
      const request = { path: '/-/npm/v1/keys', deadline: PATIENCE, limit: MAX_KEYS }
      const answer = await origin.service?.(request)
      const keys = answer && keysIn(answer)
      if (!keys) return undefined
      const value = JSON.stringify({ at: this.#context.clock.now(), keys } satisfies Kept)
      const row = { name: settingOf(origin), value }
      await this.#context.storage.sql.transaction((tx) => upsertSetting(tx, row))
      return keys
    } catch (error) {
      if (!isFault(error)) throw error
      this.#context.log.info({ err: error }, 'the upstream did not tell its keys')
      return undefined
    }
  }
}

/** Each once; of two with one id the last. */
function merged<K extends Key>(keys: readonly K[]): K[] {
  return [...new Map(keys.map((key) => [key.keyid, key])).values()]
}

const settingOf = ({ url }: Upstream) => `upstream-keys:${url}`

/** The keys of an answer; undefined when it is none. */
function keysIn(bytes: Buffer): JsonObject[] | undefined {
  try {
    const { keys } = JSON.parse(bytes.toString()) as JsonObject // whatever else it is has no keys
    return Array.isArray(keys) ? keys.filter(isKey) : undefined
  } catch {
    return undefined
  }
}

/** Whether this is a key as npm's registry lists them. */
export function isKey(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && 'keyid' in value && 'key' in value
}
