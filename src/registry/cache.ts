import { dayOf, type Millis, minutes } from '../base/time.ts'
import { addDayFigures } from '../storage/tables/downloads.ts'
import { bumpPackage, findPackageById } from '../storage/tables/packages.ts'
import {
  forgetContent,
  listMirroredTarballs,
  type MirroredTarballRow,
  upsertUses,
} from '../storage/tables/uses.ts'
import type { Context } from './context.ts'
import type { Metrics } from './metrics.ts'
import { noUpstream } from './mirror/no-upstream.ts'
import type { Network } from './network.ts'
import type { DayFigure } from './tally.ts'
import type { Upstream } from './upstream.ts'

/** What mirrored content may take; absent: without limit. */
export type CacheBounds = { readonly bytes?: number; readonly age?: Millis }
export type Evicted = { readonly versions: number; readonly bytes: number }

const WRITE_USE_EVERY = minutes(1)

/** Bounds what is kept of other registries. What was published here is never touched. */
export class Cache {
  readonly #context: Context
  readonly #network: Network
  readonly #metrics: Metrics
  readonly #upstream: Upstream
  /** Last uses not written yet: they go to the database together, once a minute. */
  readonly #used = new Map<string, { package_id: string; version: string; used_at: Millis }>()
  #flushAt: Millis = 0

  constructor(context: Context, parts: { network: Network; metrics: Metrics; upstream?: Upstream }) {
    this.#context = context
    this.#network = parts.network
    this.#metrics = parts.metrics
    this.#upstream = parts.upstream ?? noUpstream
  }

  /** Notes that a mirrored tarball was asked for. */
  note(packageId: string, version: string): void {
    const now = this.#context.clock.now()
    this.#used.set(`${packageId}@${version}`, { package_id: packageId, version, used_at: now })
    if (now < this.#flushAt) return
    this.#flushAt = now + WRITE_USE_EVERY
    this.flush().catch((err) => this.#context.log.warn({ err }, 'uses of tarballs could not be noted'))
  }

  /** Writes the uses that are still only in memory. */
  async flush(): Promise<void> {
    if (this.#used.size === 0) return
    const rows = [...this.#used.values()]
    this.#used.clear()
    await this.#context.storage.sql.transaction((tx) => upsertUses(tx, rows))
  }

  /**
   * Forgets mirrored tarballs, those not asked for the longest first, until the rest is within bounds; they are fetched again when somebody asks.
   * Their bytes go with the garbage. What could not be fetched again now, being offline or without an upstream, stays whatever room it takes. With
   * `dryRun` it only counts.
   */
  async evict(bounds: CacheBounds, { dryRun = false }: { dryRun?: boolean } = {}): Promise<Evicted> {
    const tarballs = await listMirroredTarballs(this.#context.storage.sql.read)
    const mayGo = await this.#fetchable(tarballs)
    const { evicted, bytes } = chosen(tarballs, { bounds, mayGo, now: this.#context.clock.now() })
    if (!dryRun && evicted.length > 0) await this.#forgetAll(evicted, bytes)
    return { versions: evicted.length, bytes }
  }

  /** The names among these whose packages can be fetched now. */
  async #fetchable(tarballs: readonly MirroredTarballRow[]): Promise<ReadonlySet<string>> {
    const names = [...new Set(tarballs.map(({ npmName }) => npmName))]
    const byUpstream = Map.groupBy(names, (name) => this.#upstream.for(name).url)
    byUpstream.delete('') // nowhere
    for (const url of byUpstream.keys()) if (await this.#network.isOffline(url)) byUpstream.delete(url)
    return new Set([...byUpstream.values()].flat())
  }

  async #forgetAll(evicted: readonly MirroredTarballRow[], bytes: number): Promise<void> {
    for (const tarball of evicted) await this.#forget(tarball)
    this.#metrics.add('entropic_evicted_tarballs_total', {}, evicted.length)
    this.#metrics.add('entropic_evicted_bytes_total', {}, bytes)
    const name: DayFigure = 'evicted-bytes'
    const day = dayOf(this.#context.clock.now())
    await this.#context.storage.sql.transaction((tx) => addDayFigures(tx, [{ day, name, value: bytes }]))
  }

  async #forget({ packageId, version }: MirroredTarballRow): Promise<void> {
    await this.#context.storage.sql.transaction(async (tx) => {
      if ((await findPackageById(tx, packageId))?.source !== 'mirror') return
      await bumpPackage(tx, packageId, this.#context.clock.now())
      await forgetContent(tx, packageId, version)
    })
  }
}

/** What has to go. Versions with the same content are stored once, so that room is won with the last of them. */
function chosen(
  tarballs: readonly MirroredTarballRow[],
  { bounds, mayGo, now }: { bounds: CacheBounds; mayGo: ReadonlySet<string>; now: Millis },
): { evicted: MirroredTarballRow[]; bytes: number } {
  const { bytes: budget = Number.POSITIVE_INFINITY, age = Number.POSITIVE_INFINITY } = bounds
  const sharers = Map.groupBy(tarballs, ({ tarball }) => tarball)
  const counts = new Map([...sharers].map(([digest, rows]) => [digest, rows.length]))
  let kept = [...sharers.values()].reduce((sum, rows) => sum + (rows[0]?.size ?? 0), 0)
  const all = kept
  const evicted: MirroredTarballRow[] = []
  for (const row of tarballs) {
    if (kept <= budget && now - row.usedAt <= age) break
    if (!mayGo.has(row.npmName)) continue
    evicted.push(row)
    const left = (counts.get(row.tarball) ?? 1) - 1
    counts.set(row.tarball, left)
    if (left === 0) kept -= row.size
  }
  return { evicted, bytes: all - kept }
}
