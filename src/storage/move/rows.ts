import { createHash } from 'node:crypto'
import { sql } from 'kysely'
import type { Reader, Sql } from '../sql/database.ts'
import { describeTables, type Table } from '../sql/schema.ts'

/** A row as either engine gives it: text, numbers and null by column. */
export type Row = Readonly<Record<string, string | number | null>>

/** What a table holds: how many rows, and the SHA-256 (hex) of their lines in the order of the key. The same in every engine. */
export type TableSum = { readonly rows: number; readonly sha256: string }
export type Sums = Readonly<Record<string, TableSum>>

/** Rows by table as they were at one moment; those of a table in the order of its key. */
export type RowSource = {
  readonly migrations: readonly string[]
  readonly sums: Sums
  rows(table: Table): AsyncIterable<readonly Row[]>
}

/** `lease` tells what is under way on these very machines, and `migration` belongs to the place, not to what lies in it. */
const LEFT_OUT = ['lease', 'migration']
const PAGE = 250

/** The tables that are carried from one database to another: all there are but those of the machinery. */
export async function carriedTables(db: Reader, engine: Sql['engine']): Promise<Table[]> {
  const tables = await describeTables(db, engine)
  return tables.filter(({ name }) => !LEFT_OUT.includes(name))
}

/** The rows of a table, page by page, in the order of its key. */
export async function* pagesOf(db: Reader, { name, columns, key }: Table): AsyncGenerator<readonly Row[]> {
  const list = (names: readonly string[]) => sql.join(names.map((it) => sql.ref(it)))
  let after = sql``
  for (;;) {
    const { rows } = await sql<Row>`
      select ${list(columns)} from ${sql.table(name)} ${after} order by ${list(key)} limit ${sql.lit(PAGE)}`.execute(
      db,
    )
    if (rows.length > 0) yield rows
    const last = rows.at(-1)
    if (!last || rows.length < PAGE) return
    after = sql`where (${list(key)}) > (${sql.join(key.map((it) => last[it]))})`
  }
}

/** One line of JSON, with the columns in the order of their names. */
export function lineOf({ columns }: Table, row: Row): string {
  return `${JSON.stringify(Object.fromEntries(columns.map((column) => [column, row[column] ?? null])))}\n`
}

/** Adds up what a table holds. */
export class Adder {
  readonly #hash = createHash('sha256')
  #rows = 0

  /** The lines of these rows, added. */
  add(table: Table, rows: readonly Row[]): string {
    const lines = rows.map((row) => lineOf(table, row)).join('')
    this.#hash.update(lines)
    this.#rows += rows.length
    return lines
  }

  sum(): TableSum {
    return { rows: this.#rows, sha256: this.#hash.digest('hex') }
  }
}

/** What every carried table of a database holds. */
export async function sumsOf(db: Reader, engine: Sql['engine']): Promise<Sums> {
  const sums: Record<string, TableSum> = {}
  for (const table of await carriedTables(db, engine)) {
    const adder = new Adder()
    for await (const rows of pagesOf(db, table)) adder.add(table, rows)
    sums[table.name] = adder.sum()
  }
  return sums
}
