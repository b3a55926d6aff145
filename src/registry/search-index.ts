import type { CompiledQuery } from 'kysely'
import { isFault } from '../base/fault.ts'
import { SingleFlight } from '../base/single-flight.ts'
import type { PackageRow } from '../storage/sql/database.ts'
import type { SearchEntryRow } from '../storage/sql/search.ts'
import { lastChange, listOutdated, replaceEntry } from '../storage/tables/search.ts'
import { settingByName, upsertSetting } from '../storage/tables/settings.ts'
import type { Context } from './context.ts'
import type { Documents } from './documents.ts'
import { headOf } from './package-head.ts'
import { keywordsOf, type Terms, termsOf, textIn } from './search-terms.ts'

const SETTING = 'search-seq'
/** Changes looked at once more: Postgres may show a change after later ones. */
const OVERLAP = 100
const BATCH = 200
/** This many changes behind, a search does not wait for the index. */
const WAITED_FOR = 1000

type Entry = { readonly row: SearchEntryRow; readonly terms: Terms }

/** Keeps what search reads up with the change feed, so that nobody who changes a package need know of it. */
export class SearchIndex {
  readonly #context: Context
  readonly #documents: Documents
  readonly #query: CompiledQuery<{ value: string }>
  readonly #following = new SingleFlight<void>()
  #closing = false
  #work: Promise<void> = Promise.resolve()

  constructor(context: Context, documents: Documents) {
    this.#context = context
    this.#documents = documents
    this.#query = settingByName(context.storage.sql.read)
  }

  /** Resolves when the index knows of every change so far; at once when that would take long, and goes on by itself. */
  async current(): Promise<void> {
    const { sql } = this.#context.storage
    const [done, last] = await Promise.all([this.#done(), lastChange(sql.read)])
    if (last <= done) return
    this.#work = this.#following.run(SETTING, () => this.#follow(done))
    if (last - done <= WAITED_FOR) return this.#work
    this.#work.catch((err: unknown) => this.#failed(err))
  }

  async close(): Promise<void> {
    this.#closing = true
    await this.#work.catch(() => undefined)
  }

  async #done(): Promise<number> {
    const row = await this.#context.storage.sql.first(this.#query, [SETTING])
    return Number(row?.value ?? 0)
  }

  async #follow(done: number): Promise<void> {
    const { sql } = this.#context.storage
    let since = Math.max(0, done - OVERLAP)
    while (!this.#closing) {
      const { rows, last } = await listOutdated(sql.read, since, BATCH)
      const entries = await Promise.all(rows.map((row) => this.#entry(row)))
      await sql.transaction(async (tx) => {
        for (const { row, terms } of entries) await replaceEntry(tx, row, terms)
        await upsertSetting(tx, { name: SETTING, value: String(last) })
      })
      if (last === since) return
      since = last
    }
  }

  async #entry(row: PackageRow): Promise<Entry> {
    const empty = {
      package_id: row.id,
      revision: row.revision,
      latest: null,
      description: null,
      keywords: '[]',
      date: null,
    }
    if (row.removed_at !== null || row.host !== '') return { row: empty, terms: new Map() }
    try {
      const { root, tags, time } = await this.#documents.face(headOf(row))
      const { latest } = tags
      const texts = {
        description: textIn(root.description) ?? null,
        keywords: JSON.stringify(keywordsOf(root)),
      }
      const shown = { ...empty, ...texts, latest: latest ?? null, date: (latest && time[latest]) ?? null }
      return { row: shown, terms: termsOf(row.npm_name, root) }
    } catch (error) {
      if (!isFault(error)) throw error
      return { row: empty, terms: termsOf(row.npm_name, {}) } // nothing is published under the name yet
    }
  }

  #failed(err: unknown): void {
    if (!this.#closing) this.#context.log.error({ err }, 'the search index could not be brought up to date')
  }
}
