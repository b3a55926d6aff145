import { sql } from 'kysely'
import type { Row } from '../../src/storage/move/rows.ts'
import { carriedTables } from '../../src/storage/move/rows.ts'
import type { Sql } from '../../src/storage/sql/database.ts'

/** What would be misread by one who splits or sorts text without care. */
const HARD = ['line\none', 'two\u2028three', '"quoted\\"', 'ä𝒳é', 'Z', 'a', '', ' ']

const made: Readonly<Record<string, (column: string, n: number) => string | number>> = {
  text: (column, n) => `${column} ${n} ${HARD[n % HARD.length]}`,
  integer: (_, n) => n,
  bigint: (_, n) => 1_800_000_000_000 + n,
  'double precision': (_, n) => n / 7,
}

type Reference = { table: string; from: string; to: string; refers: string }

/** Rows in every table there is, whatever they mean: each column of text differs from row to row, and what refers to a row finds it. */
export async function fillEveryTable(db: Sql, count: number): Promise<void> {
  const references = (
    await sql<Reference>`
      select t.name as "table", f."from", f."to", f."table" as refers
      from sqlite_schema t join pragma_foreign_key_list(t.name) f where t.type = 'table'`.execute(db.read)
  ).rows
  for (const { name, columns } of await carriedTables(db.read, db.engine)) {
    const types = await typesOf(db, name)
    const own = references.filter(({ table }) => table === name)
    const parents = new Map<string, readonly Row[]>()
    for (const { from, refers } of own) parents.set(from, await rowsOf(db, refers))
    const valueIn = (column: string, n: number) => {
      const to = own.find(({ from }) => from === column)?.to
      if (to !== undefined) return parents.get(column)?.at(-1 - n)?.[to] ?? null
      return made[types.get(column) ?? '']?.(column, n) ?? null
    }
    await db.transaction(async (tx) => {
      for (let n = 0; n < count; n += 1) {
        const values = sql.join(columns.map((column) => valueIn(column, n)))
        const names = sql.join(columns.map((it) => sql.ref(it)))
        await sql`insert into ${sql.table(name)} (${names}) values (${values})`.execute(tx)
      }
    })
  }
}

async function typesOf(db: Sql, table: string): Promise<Map<string, string>> {
  const { rows } = await sql<{
    name: string
    type: string
  }>`select name, lower(type) as type from pragma_table_info(${table})`.execute(db.read)
  return new Map(rows.map(({ name, type }) => [name, type]))
}

async function rowsOf(db: Sql, table: string): Promise<readonly Row[]> {
  return (await sql<Row>`select * from ${sql.table(table)} order by rowid`.execute(db.read)).rows
}
