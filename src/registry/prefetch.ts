import semver from 'semver'
import { fail, isFault } from '../base/fault.ts'
import { fromNpmName } from '../base/name.ts'
import { findVersion } from '../storage/tables/versions.ts'
import type { Context } from './context.ts'
import type { Documents } from './documents.ts'
import type { Keys } from './keys.ts'
import type { Mirror } from './mirror.ts'
import { ANONYMOUS, type JsonObject, type PackageHead } from './model.ts'
import type { Packages } from './packages.ts'
import { asObject } from './upstream-document.ts'
import { keyOf, type Wish, wishOf } from './wishes.ts'

/** The machines to fetch for, as Node names them; an empty list is all. */
export type Platform = { readonly os: readonly string[]; readonly cpu: readonly string[] }

/** What became of one wish. */
export type Outcome =
  | {
      /** Fetched now; stored already; published here; or left out, since it does not run where it is wanted. */
      readonly kind: 'fetched' | 'stored' | 'own' | 'skipped'
      readonly name: string
      readonly version: string
      readonly bytes: number
    }
  | { readonly kind: 'missing'; readonly spec: string; readonly bytes: 0; readonly why: string }

export type PrefetchRequest = {
  readonly wishes: readonly Wish[]
  readonly platform: Platform
  /** Called with each outcome, and how many wishes are known by now. */
  readonly onOutcome?: (outcome: Outcome, known: number) => void
}

type Fetched = Pick<Exclude<Outcome, { kind: 'missing' }>, 'kind' | 'bytes'>
type Visit = { readonly outcome: Outcome; readonly next: readonly Wish[] }

/** So many at once: quick, and no more than one busy client asks of the upstream. */
const AT_ONCE = 8

/**
 * Fetches what a project will ask for, so that it can be installed without the upstream. What is stored already is not fetched
 * again: an interrupted run goes on where it stopped. A range brings its version's own dependencies along.
 */
export class Prefetch {
  readonly #context: Context
  readonly #packages: Packages
  readonly #documents: Documents
  readonly #mirror: Mirror
  readonly #keys: Keys

  constructor(
    context: Context,
    parts: { packages: Packages; documents: Documents; mirror: Mirror; keys: Keys },
  ) {
    this.#context = context
    this.#packages = parts.packages
    this.#documents = parts.documents
    this.#mirror = parts.mirror
    this.#keys = parts.keys
  }

  /** Never fails for one wish: what could not be had is among the outcomes. */
  async run({ wishes, platform, onOutcome }: PrefetchRequest): Promise<Outcome[]> {
    const seen = new Set<string>()
    const outcomes = new Map<string, Outcome>()
    let wave = unseen(wishes, seen)
    while (wave.length > 0) {
      const next: Wish[] = []
      await inLanes(wave, async (wish) => {
        const visit = await this.#visit(wish, platform)
        outcomes.set(specOfOutcome(visit.outcome), visit.outcome)
        next.push(...visit.next)
        onOutcome?.(visit.outcome, seen.size)
      })
      wave = unseen(next, seen)
    }
    await this.#keys.list() // asked for now, they are here when signatures are checked without the upstream
    return [...outcomes.values()]
  }

  async #visit(wish: Wish, platform: Platform): Promise<Visit> {
    try {
      const name = fromNpmName(wish.name)
      const head = (await this.#packages.findOwn(name)) ?? (await this.#packages.head(nobody, name))
      const version = wish.kind === 'version' ? wish.version : await this.#pick(head, wish.range)
      const manifest = await this.#manifest(head, version)
      const target = { name: wish.name, version }
      if (!runsOn(manifest, platform)) return { outcome: { kind: 'skipped', ...target, bytes: 0 }, next: [] }
      const next = wish.kind === 'range' ? dependenciesOf(manifest) : []
      return { outcome: { ...target, ...(await this.#fetch(head, version)) }, next }
    } catch (error) {
      if (!isFault(error)) throw error
      const why = isFault(error, 'VERSION_NOT_FOUND') ? 'there is no such version' : error.message
      return { outcome: { kind: 'missing', spec: specOfWish(wish), bytes: 0, why }, next: [] }
    }
  }

  async #fetch(head: PackageHead, version: string): Promise<Fetched> {
    if (head.source === 'local') return { kind: 'own', bytes: 0 }
    const { allowed, why } = await this.#mirror.verdict(head, version)
    if (!allowed) fail('FORBIDDEN', { why: `it is withheld here: ${why}` })
    const row = await findVersion(this.#context.storage.sql.read, head.id, version)
    if (row?.tarball) return { kind: 'stored', bytes: row.size ?? 0 }
    const print = await this.#mirror.fetchTarball(head, version)
    return { kind: 'fetched', bytes: print.size }
  }

  async #manifest(head: PackageHead, version: string): Promise<JsonObject> {
    if (head.source === 'mirror') return this.#mirror.manifest(head, version)
    for (const known of (await this.#documents.load(head)).versions)
      if (known.version === version) return JSON.parse(known.full) // an object we wrote ourselves
    return fail('VERSION_NOT_FOUND', { spec: head.npmName, version })
  }

  /** As package managers choose: the tag of that name; `latest` when it is within the range; else the highest that is. */
  async #pick(head: PackageHead, range: string): Promise<string> {
    const { tags, versions } = await this.#documents.loadShort(head)
    const tagged = Object.hasOwn(tags, range) ? tags[range] : undefined
    if (tagged !== undefined) return tagged
    const names = Array.from(versions, ({ version }) => version)
    const { latest } = tags
    if (latest !== undefined && semver.satisfies(latest, range, true)) return latest
    const best = semver.maxSatisfying(names, range, true)
    return best ?? fail('VERSION_NOT_FOUND', { spec: head.npmName, version: range })
  }
}

const nobody = async () => ANONYMOUS

async function inLanes<T>(items: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const queue = items.values() // the lanes take from one iterator
  const lane = async () => {
    for (const item of queue) await work(item)
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
}

function specOfOutcome(outcome: Outcome): string {
  return outcome.kind === 'missing' ? outcome.spec : `${outcome.name}@${outcome.version}`
}

/** As people write it. */
function specOfWish(wish: Wish): string {
  return `${wish.name}@${wish.kind === 'version' ? wish.version : wish.range}`
}

function unseen(wishes: readonly Wish[], seen: Set<string>): Wish[] {
  return wishes.filter((wish) => !seen.has(keyOf(wish)) && seen.add(keyOf(wish)))
}

/** What installing this version asks for next; peers that may be absent are left to whoever wants them. */
function dependenciesOf(manifest: JsonObject): Wish[] {
  const optional = asObject(manifest.peerDependenciesMeta) ?? {}
  const peers = Object.entries(asObject(manifest.peerDependencies) ?? {})
  const required = peers.filter(([name]) => asObject(optional[name])?.optional !== true)
  const others = [manifest.dependencies, manifest.optionalDependencies].flatMap((it) =>
    Object.entries(asObject(it) ?? {}),
  )
  return [...others, ...required].flatMap(([name, spec]) => wishOf(name, String(spec)) ?? [])
}

function runsOn(manifest: JsonObject, { os, cpu }: Platform): boolean {
  return admits(manifest.os, os) && admits(manifest.cpu, cpu)
}

/** `!name` excludes; names without it, where there are any, are all that is allowed. */
function admits(allowed: JsonObject[string], wanted: readonly string[]): boolean {
  const list = [allowed].flat().filter((it) => typeof it === 'string')
  if (list.length === 0 || wanted.length === 0) return true
  const named = list.filter((it) => !it.startsWith('!'))
  return wanted.some((it) => !list.includes(`!${it}`) && (named.length === 0 || named.includes(it)))
}
