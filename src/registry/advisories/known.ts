import { type Clock, type Millis, seconds } from '../../base/time.ts'
import type { AdvisoryRow } from '../../storage/sql/advisory.ts'
import type { Sql, Tx } from '../../storage/sql/database.ts'
import {
  bumpMirrored,
  countAdvisories,
  deleteAdvisories,
  hasAdvisories,
  insertAdvisories,
  listAdvisories,
  listAdvisoriesById,
} from '../../storage/tables/known-advisories.ts'
import { type Entry, readEntry } from './osv.ts'

/** Of the entries given: `changed` were not known, or said something else; `left` are no advisories. */
export type AdvisoryImport = { readonly entries: number; readonly changed: number; readonly left: number }

/** Entries written with one transaction. */
const BATCH = 100
/** Names looked up with one query. */
const CHUNK = 500
/** Another process may have imported the first ones meanwhile. */
const LOOK_AGAIN = seconds(10)

/** The advisories that were imported, by package. */
export class KnownAdvisories {
  readonly #sql: Sql
  readonly #clock: Clock
  #any = false
  #lookedAt: Millis = Number.NEGATIVE_INFINITY

  constructor(sql: Sql, clock: Clock) {
    this.#sql = sql
    this.#clock = clock
  }

  /** Whether any were imported; what was imported elsewhere is noticed within seconds. */
  async any(): Promise<boolean> {
    const now = this.#clock.now()
    if (this.#any || now - this.#lookedAt < LOOK_AGAIN) return this.#any
    this.#lookedAt = now
    this.#any = await hasAdvisories(this.#sql.read)
    return this.#any
  }

  /** Whether somebody looked within seconds and found none. */
  isKnownEmpty(): boolean {
    return !this.#any && this.#clock.now() - this.#lookedAt < LOOK_AGAIN
  }

  async of(names: readonly string[]): Promise<AdvisoryRow[]> {
    if (!(await this.any())) return []
    const found: AdvisoryRow[] = []
    for (let at = 0; at < names.length; at += CHUNK)
      found.push(...(await listAdvisories(this.#sql.read, names.slice(at, at + CHUNK))))
    return found
  }

  count(): Promise<number> {
    return countAdvisories(this.#sql.read)
  }

  /** Takes OSV entries in, in place of what was known by the same ids. Whatever they are about is judged anew. */
  async import(dump: AsyncIterable<unknown>): Promise<AdvisoryImport> {
    const sum = { entries: 0, changed: 0, left: 0 }
    let batch = new Map<string, Entry>()
    const flush = async () => {
      sum.changed += await this.#write([...batch.values()])
      batch = new Map()
    }
    for await (const value of dump) {
      const entry = readEntry(value)
      sum.entries += 1
      if (!entry) sum.left += 1
      else batch.set(entry.id, entry)
      if (batch.size >= BATCH) await flush()
    }
    await flush()
    this.#lookedAt = Number.NEGATIVE_INFINITY
    return sum
  }

  #write(entries: readonly Entry[]): Promise<number> {
    return this.#sql.transaction(async (tx) => {
      const known = await knownRows(tx, entries)
      const changed = entries.filter(({ id, rows }) => !isSame(known.get(id) ?? [], rows))
      if (changed.length === 0) return 0
      const ids = changed.map(({ id }) => id)
      const added = changed.flatMap(({ rows }) => rows)
      await deleteAdvisories(tx, ids)
      for (let at = 0; at < added.length; at += BATCH) await insertAdvisories(tx, added.slice(at, at + BATCH))
      const before = ids.flatMap((id) => known.get(id) ?? [])
      const names = new Set([...before, ...added].map((row) => row.package_name))
      await bumpMirrored(tx, [...names], this.#clock.now())
      return changed.length
    })
  }
}

async function knownRows(tx: Tx, entries: readonly Entry[]): Promise<Map<string, AdvisoryRow[]>> {
  const ids = entries.map(({ id }) => id)
  return Map.groupBy(ids.length === 0 ? [] : await listAdvisoriesById(tx, ids), ({ id }) => id)
}

function isSame(known: readonly AdvisoryRow[], rows: readonly AdvisoryRow[]): boolean {
  if (known.length !== rows.length) return false
  return rows.every((row) => {
    const other = known.find((it) => it.package_name === row.package_name)
    return other?.document === row.document && other.fixed === row.fixed && other.severity === row.severity
  })
}
