import { type Millis, minutes } from '../base/time.ts'
import { bumpPackage, findPackageById } from '../storage/tables/packages.ts'
import {
  forgetContent,
  listMirroredTarballs,
  type MirroredTarballRow,
  upsertUses,
} from '../storage/tables/uses.ts'
import type { Context } from './context.ts'

/** What mirrored content may take; absent: without limit. */
export type CacheBounds = { readonly bytes?: number; readonly age?: Millis }
export type Evicted = { readonly versions: number; readonly bytes: number }

const WRITE_USE_EVERY = minutes(1)

/** Bounds what is kept of other registries. What was published here is never touched. */
export class Cache {
  readonly #context: Context
  /** Last uses not written yet: they go to the database together, once a minute. */
  readonly #used = new Map<string, { package_id: string; version: string; used_at: Millis }>()
  #flushAt: Millis = 0

  constructor(context: Context) {
    this.#context = context
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
   * Their bytes go with the garbage. With `dryRun` it only counts.
   */
  async evict(bounds: CacheBounds, { dryRun = false }: { dryRun?: boolean } = {}): Promise<Evicted> {
    const tarballs = await listMirroredTarballs(this.#context.storage.sql.read)
    const { evicted, bytes } = chosen(tarballs, bounds, this.#context.clock.now())
    if (!dryRun) for (const tarball of evicted) await this.#forget(tarball)
    return { versions: evicted.length, bytes }
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
  { bytes: budget = Number.POSITIVE_INFINITY, age = Number.POSITIVE_INFINITY }: CacheBounds,
  now: Millis,
): { evicted: MirroredTarballRow[]; bytes: number } {
  const sharers = Map.groupBy(tarballs, ({ tarball }) => tarball)
  const counts = new Map([...sharers].map(([digest, rows]) => [digest, rows.length]))
  let kept = [...sharers.values()].reduce((sum, rows) => sum + (rows[0]?.size ?? 0), 0)
  const all = kept
  const evicted: MirroredTarballRow[] = []
  for (const row of tarballs) {
    if (kept <= budget && now - row.usedAt <= age) break
    evicted.push(row)
    const left = (counts.get(row.tarball) ?? 1) - 1
    counts.set(row.tarball, left)
    if (left === 0) kept -= row.size
  }
  return { evicted, bytes: all - kept }
}
