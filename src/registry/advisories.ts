import { createHash } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import semver from 'semver'
import { isFault } from '../base/fault.ts'
import { SingleFlight } from '../base/single-flight.ts'
import { hours, type Millis, seconds } from '../base/time.ts'
import type { KnownAdvisories } from './advisories/known.ts'
import type { Context } from './context.ts'
import { foreignNames } from './foreign-names.ts'
import type { JsonObject } from './model.ts'
import type { Network } from './network.ts'
import type { Upstream } from './upstream.ts'

/** Name → versions in use. */
export type Installed = ReadonlyMap<string, readonly string[]>
/** Name → advisories, as the upstream gives them; `notice` says why there are none when nobody could be asked. */
export type Advice = { readonly advisories: JsonObject; readonly notice?: string }

type Question = { readonly installed: Installed; readonly names: string[]; readonly patience: Millis }

const KEPT = hours(6)
const LONGEST = seconds(30)
const MAX_ANSWER = 16 * 2 ** 20
const ANY = { loose: true, includePrerelease: true }

/** Known vulnerabilities, asked of the upstream or imported. Names that are ours are not told to anybody. */
export class Advisories {
  readonly #context: Context
  readonly #network: Network
  readonly #known: KnownAdvisories
  readonly #upstream: Upstream | undefined
  readonly #asking = new SingleFlight<Buffer | undefined>()

  constructor(context: Context, parts: { network: Network; known: KnownAdvisories; upstream?: Upstream }) {
    this.#context = context
    this.#network = parts.network
    this.#known = parts.known
    this.#upstream = parts.upstream
  }

  /**
   * Asks each name's upstream; where it cannot be asked, the imported advisories tell. Waits for `patience` at most; what comes later is
   * kept for the next to ask. Never fails because an upstream does.
   */
  async find(installed: Installed, patience: Millis): Promise<Advice> {
    const names = await foreignNames(this.#context.storage.sql.read, [...installed.keys()])
    const upstream = this.#upstream
    const groups = Map.groupBy(names, (name) => upstream?.for(name))
    const found = await Promise.all(
      [...groups].map(([origin, some]) => this.#advise(origin, { installed, names: some.sort(), patience })),
    )
    const notice = found.find((one) => one.notice !== undefined)?.notice
    const advisories = Object.assign({}, ...found.map((one) => one.advisories))
    return { advisories, ...(notice !== undefined && { notice }) }
  }

  async #advise(origin: Upstream | undefined, { installed, names, patience }: Question): Promise<Advice> {
    if (!origin?.service) return this.#tell(installed, names, 'this registry has no upstream to ask')
    const question = JSON.stringify(Object.fromEntries(names.map((name) => [name, installed.get(name)])))
    const address = createHash('sha256').update(`${origin.url} ${question}`).digest('base64url')
    const key = `advisories:${address}`
    const kept = await this.#context.storage.kv.get(key)
    if (kept) return { advisories: objectIn(kept) ?? {} }
    if (await this.#network.isOffline(origin.url))
      return this.#tell(installed, names, 'this registry is offline')
    const late = new AbortController()
    const answer = await Promise.race([
      this.#asking.run(key, () => this.#ask(origin, key, question)),
      wait(patience, undefined, { signal: late.signal }).catch(() => undefined),
    ]).finally(() => late.abort())
    const advisories = answer && objectIn(answer)
    return advisories ? { advisories } : this.#tell(installed, names, 'the upstream registry did not answer')
  }

  /** What was imported about versions in use; `why` nobody else was asked is said where nothing was imported. */
  async #tell(installed: Installed, names: readonly string[], why: string): Promise<Advice> {
    if (!(await this.#known.any())) return { advisories: {}, notice: `No audit data: ${why}.` }
    const rows = await this.#known.of(names)
    const hits = rows.filter(({ package_name, vulnerable }) =>
      installed.get(package_name)?.some((version) => semver.satisfies(version, vulnerable, ANY)),
    )
    const byName = Map.groupBy(hits, (row) => row.package_name)
    const told = [...byName].map(([name, list]) => [name, list.map((row) => JSON.parse(row.document))])
    return { advisories: Object.fromEntries(told) }
  }

  async #ask(origin: Upstream, key: string, question: string): Promise<Buffer | undefined> {
    const path = '/-/npm/v1/security/advisories/bulk'
    try {
      const request = { path, body: Buffer.from(question), deadline: LONGEST, limit: MAX_ANSWER }
      const answer = await origin.service?.(request)
      if (answer && objectIn(answer)) await this.#context.storage.kv.set(key, answer, KEPT)
      return answer
    } catch (error) {
      if (!isFault(error)) throw error
      this.#context.log.info({ err: error }, 'the upstream gave no advisories')
      return undefined
    }
  }
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
