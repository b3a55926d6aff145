import { sql } from 'kysely'
import type { Reader, Sql } from './database.ts'

/** A table as the database itself tells of it. */
export type Table = {
  readonly name: string
  /** In alphabetical order. */
  readonly columns: readonly string[]
  /** The columns of the primary key, in its order. Where there is none, no two rows are alike and no column is null: all columns. */
  readonly key: readonly string[]
  /** The column that the database numbers by itself. */
  readonly numbered: string | undefined
}

type ColumnRow = { table: string; column: string; place: number | null; numbered: boolean | number }
type ReferenceRow = { table: string; refers: string }

/** Every table, those that others refer to before them. */
export async function describeTables(db: Reader, engine: Sql['engine']): Promise<Table[]> {
  const { columns, references } = engine === 'sqlite' ? inSqlite : inPostgres
  const rows = (await columns.execute(db)).rows
  const parents = (await references.execute(db)).rows
  const tables = [...Map.groupBy(rows, ({ table }) => table)].map(([name, own]) => tableOf(name, own))
  return sorted(tables, (table) =>
    parents.filter((it) => it.table === table.name && it.refers !== table.name).map((it) => it.refers),
  )
}

function tableOf(name: string, rows: readonly ColumnRow[]): Table {
  const key = rows.filter(({ place }) => place).toSorted((a, b) => (a.place ?? 0) - (b.place ?? 0))
  return {
    name,
    columns: rows.map(({ column }) => column).toSorted(),
    key: (key.length > 0 ? key : rows).map(({ column }) => column),
    numbered: rows.find(({ numbered }) => numbered)?.column,
  }
}

function sorted(tables: readonly Table[], parentsOf: (table: Table) => readonly string[]): Table[] {
  const placed: Table[] = []
  let waiting = tables.toSorted((a, b) => (a.name < b.name ? -1 : 1))
  while (waiting.length > 0) {
    const isReady = (table: Table) => parentsOf(table).every((name) => placed.some((it) => it.name === name))
    const ready = waiting.filter(isReady)
    if (ready.length === 0) throw new Error(`tables refer to each other: ${waiting.map(({ name }) => name)}`)
    placed.push(...ready)
    waiting = waiting.filter((table) => !ready.includes(table))
  }
  return placed
}

const inSqlite = {
  columns: sql<ColumnRow>`
    select t.name as "table", c.name as "column", nullif(c.pk, 0) as place,
      c.pk = 1 and t.sql like '%autoincrement%' as numbered
    from sqlite_schema t join pragma_table_info(t.name) c
    where t.type = 'table' and t.name not like 'sqlite!_%' escape '!'
    order by t.name, c.cid`,
  references: sql<ReferenceRow>`
    select t.name as "table", f."table" as refers
    from sqlite_schema t join pragma_foreign_key_list(t.name) f where t.type = 'table'`,
}

const inPostgres = {
  columns: sql<ColumnRow>`
    select c.relname as "table", a.attname as "column", array_position(i.indkey::int2[], a.attnum) + 1 as place,
      a.attidentity <> '' as numbered
    from pg_class c
      join pg_attribute a on a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      left join pg_index i on i.indrelid = c.oid and i.indisprimary
    where c.relkind = 'r' and c.relnamespace = current_schema()::regnamespace
    order by c.relname, a.attnum`,
  references: sql<ReferenceRow>`
    select t.relname as "table", r.relname as refers
    from pg_constraint f join pg_class t on t.oid = f.conrelid join pg_class r on r.oid = f.confrelid
    where f.contype = 'f' and t.relnamespace = current_schema()::regnamespace`,
}
