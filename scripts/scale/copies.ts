import Database from 'better-sqlite3'

/** Packages copied with one statement. */
const BATCH = 20_000
/** Different words in their names and descriptions; the n-th is about n times rarer than the first, as in any language. */
const WORDS = 3000

/** Tables that hold rows of a package, with the columns that must differ from copy to copy beside `package_id`. */
const TABLES = ['maintainer', 'version', 'tag', 'signature', 'search_entry', 'popularity'] as const

export type Seed = { readonly name: string }

/**
 * Copies of a package that was really published, with all its versions, made in the database alone: a million publishes would take hours. No server may
 * run on the file.
 */
export class Copies {
  readonly #db: Database.Database
  readonly #seed: string

  constructor(file: string, { name }: Seed) {
    this.#db = new Database(file)
    this.#db.exec('pragma synchronous = off; pragma cache_size = -200000')
    const row = this.#db.prepare('select id from package where npm_name = ?').get(name) as { id: string } // just published
    this.#seed = row.id
    this.#db.function('zipf', { deterministic: false }, () => Math.floor(WORDS ** Math.random()))
  }

  static nameOf(n: number): string {
    return `copy-${n}`
  }

  /** Makes the copies numbered from `from` up to, not including, `to`. */
  make(from: number, to: number): void {
    for (let at = from; at < to; at += BATCH) this.#batch(at, Math.min(to, at + BATCH))
  }

  /** Gives one copy so many more versions. */
  grow(n: number, versions: number): void {
    const columns = this.#columnsOf('version').filter((column) => !['package_id', 'version'].includes(column))
    this.#db
      .prepare(
        `with recursive n(i) as (select 1 union all select i + 1 from n where i < ?)
         insert or ignore into version (package_id, version, ${columns.join(', ')})
         select ?, '2.' || i || '.0', ${columns.join(', ')} from n, version
         where package_id = ? and version = '1.0.0'`,
      )
      .run(versions, `copy-${n}`, this.#seed)
    this.#db.prepare('update package set revision = revision + 1 where id = ?').run(`copy-${n}`)
  }

  close(): void {
    this.#db.exec('analyze; pragma wal_checkpoint(truncate)')
    this.#db.close()
  }

  #batch(from: number, to: number): void {
    const numbers = `with recursive n(i) as (select ${from} union all select i + 1 from n where i < ${to - 1})`
    this.#db.transaction(() => {
      this.#copy('package', numbers, { id: "'copy-' || i", npm_name: "'copy-' || i", name: "'copy-' || i" })
      for (const table of TABLES) this.#copy(table, numbers, { package_id: "'copy-' || i" })
      for (const [term, weight] of [
        ["'package'", 1],
        ["'w' || zipf()", 3],
        ["'w' || zipf()", 2],
        ["'copy-' || i", 9],
      ])
        this.#db.exec(
          `${numbers} insert into search_term (term, package_id, weight) select ${term}, 'copy-' || i, ${weight} from n`,
        )
    })()
  }

  #copy(table: string, numbers: string, changed: Readonly<Record<string, string>>): void {
    const columns = this.#columnsOf(table)
    const values = columns.map((column) => changed[column] ?? `t.${column}`)
    const of = table === 'package' ? 'id' : 'package_id'
    this.#db
      .prepare(
        `${numbers} insert into ${table} (${columns.join(', ')}) select ${values.join(', ')} from n, ${table} t where t.${of} = ?`,
      )
      .run(this.#seed)
  }

  #columnsOf(table: string): string[] {
    const rows = this.#db.prepare(`select name from pragma_table_info('${table}')`).all() as {
      name: string
    }[] // SQLite's own
    return rows.map(({ name }) => name)
  }
}
