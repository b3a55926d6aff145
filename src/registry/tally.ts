import { type Day, dayOf, type Millis, seconds } from '../base/time.ts'
import type { DownloadRow } from '../storage/sql/counts.ts'
import { addDayFigures, addDownloads, addPopularity, setDayFigures } from '../storage/tables/downloads.ts'
import { countTarballs } from '../storage/tables/stats.ts'
import type { Context } from './context.ts'
import type { Metrics } from './metrics.ts'

/** What is counted or measured a day, beside downloads. Bytes are those of tarballs. */
export type DayFigure =
  /** Mirrored tarballs that were stored already, and those that had to be fetched while somebody waited. */
  | 'hits'
  | 'misses'
  /** Of mirrored tarballs. */
  | 'served-bytes'
  | 'fetched-bytes'
  /** What was forgotten to stay within the cache's bounds. */
  | 'evicted-bytes'
  /** Of all versions together, and what they take where the same content is kept once. */
  | 'version-bytes'
  | 'stored-bytes'

/** A whole tarball on its way to somebody. */
export type Download = {
  readonly packageId: string
  readonly version: string
  /** Of a mirrored one, whether it was stored already; undefined: it was published here. */
  readonly mirrored?: 'hit' | 'miss'
  /** Absent where nobody knows yet. */
  readonly bytes?: number | undefined
}

/** Days that counts are kept: 18 months. */
export const KEPT_DAYS = 549
/** Days after which a download says half as much about how popular a package is. */
const HALF_LIFE = 30
/** From here weights are counted, so that they stay within what a double holds. */
const FIRST_DAY = 20_000
const WRITE_EVERY: Millis = seconds(3)
/** With so many rows waiting, nobody waits for the time to be up. */
const MOST_WAITING = 10_000

/** Counts in memory and writes what came together every few seconds. A process that is killed loses those seconds, no more. */
export class Tally {
  readonly #context: Context
  readonly #metrics: Metrics
  #downloads = new Map<string, DownloadRow>()
  #figures = new Map<DayFigure, number>()
  #fetched = 0
  #tended: Day | undefined
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<void> = Promise.resolve()

  constructor(context: Context, metrics: Metrics) {
    this.#context = context
    this.#metrics = metrics
  }

  /** Counts a download. Costs a look into a map; never throws. */
  note({ packageId, version, mirrored, bytes = 0 }: Download): void {
    const day = dayOf(this.#context.clock.now())
    const key = `${packageId} ${day} ${version}`
    const row = this.#downloads.get(key)
    if (row) row.count += 1
    else this.#downloads.set(key, { package_id: packageId, day, version, count: 1 })
    if (mirrored) {
      this.#add(mirrored === 'hit' ? 'hits' : 'misses', 1)
      this.#add('served-bytes', bytes)
    }
    this.#schedule()
  }

  /** Writes what was counted so far. Rejects when the database fails; the counts are then kept for the next time. */
  flush(): Promise<void> {
    this.#writing = this.#writing.catch(() => undefined).then(() => this.#write())
    return this.#writing
  }

  /** Writes the last counts; nothing may be noted afterwards. */
  async close(): Promise<void> {
    clearTimeout(this.#timer)
    await this.flush()
  }

  #add(name: DayFigure, by: number): void {
    this.#figures.set(name, (this.#figures.get(name) ?? 0) + by)
  }

  #schedule(): void {
    if (this.#downloads.size === MOST_WAITING) this.#flushQuietly()
    this.#timer ??= setTimeout(() => this.#flushQuietly(), WRITE_EVERY).unref()
  }

  #flushQuietly(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.flush().catch((err: unknown) => this.#context.log.warn({ err }, 'downloads could not be counted'))
  }

  async #write(): Promise<void> {
    const fetched = this.#metrics.total('entropic_upstream_bytes_total')
    this.#add('fetched-bytes', fetched - this.#fetched)
    this.#fetched = fetched
    const [downloads, figures] = [this.#downloads, this.#figures]
    this.#downloads = new Map()
    this.#figures = new Map()
    try {
      await this.#store([...downloads.values()], figures)
    } catch (error) {
      this.#takeBack(downloads, figures)
      throw error
    }
    await this.#tend()
  }

  /** Rows in one order, so that replicas do not wait for each other in a circle. */
  async #store(downloads: DownloadRow[], figures: ReadonlyMap<DayFigure, number>): Promise<void> {
    const day = dayOf(this.#context.clock.now())
    const counted = [...figures].filter(([, value]) => value > 0).sort()
    if (downloads.length === 0 && counted.length === 0) return
    const rows = downloads.sort(
      (a, b) => compare(a.package_id, b.package_id) || compare(a.version, b.version),
    )
    await this.#context.storage.sql.transaction(async (tx) => {
      await addDownloads(tx, rows)
      await addPopularity(tx, weightsOf(rows))
      await addDayFigures(
        tx,
        counted.map(([name, value]) => ({ day, name, value })),
      )
    })
  }

  #takeBack(downloads: ReadonlyMap<string, DownloadRow>, figures: ReadonlyMap<DayFigure, number>): void {
    for (const [key, row] of downloads) {
      const meanwhile = this.#downloads.get(key)
      this.#downloads.set(key, { ...row, count: row.count + (meanwhile?.count ?? 0) })
    }
    for (const [name, value] of figures) this.#add(name, value)
  }

  /** Once a day: measures what is stored. */
  async #tend(): Promise<void> {
    const day = dayOf(this.#context.clock.now())
    if (day === this.#tended) return
    this.#tended = day
    const { sql } = this.#context.storage
    const sources = await countTarballs(sql.read)
    const sum = (what: 'bytes' | 'distinctBytes') => sources.reduce((all, it) => all + it[what], 0)
    await sql.transaction(async (tx) => {
      await setDayFigures(tx, [
        { day, name: 'stored-bytes', value: sum('distinctBytes') },
        { day, name: 'version-bytes', value: sum('bytes') },
      ])
    })
  }
}

function weightsOf(rows: readonly DownloadRow[]): { package_id: string; weight: number }[] {
  const weights = new Map<string, number>()
  for (const { package_id: id, day, count } of rows)
    weights.set(id, (weights.get(id) ?? 0) + count * 2 ** ((day - FIRST_DAY) / HALF_LIFE))
  return [...weights].map(([package_id, weight]) => ({ package_id, weight }))
}

function compare(a: string, b: string): number {
  if (a === b) return 0
  return a < b ? -1 : 1
}
