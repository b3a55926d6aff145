import { createHash } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import { sql } from 'kysely'
import type { Sql, Tx } from '../sql/database.ts'
import { appliedMigrations } from '../sql/migrate.ts'
import type { Table } from '../sql/schema.ts'
import { carriedTables, type Row, type RowSource, type Sums, sumsOf } from './rows.ts'

/** The rows that a new database has by its migrations. */
const BUILT_IN: Readonly<Record<string, number>> = { namespace: 2, feed: 1 }
/** A row of the table that is not carried along: as long as it is there, the rest is not whole. */
const MARK = 'load'
/** What the mark's `fence` says: rows are still coming, or all there. */
const BEGUN = 1
const WITH_ROWS = 2

/** Why rows cannot be, or were not, brought into a database. */
export class LoadFailure extends Error {
  override readonly name = 'LoadFailure'
}

/**
 * Brings all rows of `source` into an empty database and compares what is then there. Broken off and called again, it goes on where it was;
 * until `endLoad`, the database is known to be unfinished. Throws LoadFailure.
 */
export async function loadRows(db: Sql, source: RowSource): Promise<void> {
  const id = idOf(source.sums)
  const underWay = await unfinishedLoad(db)
  if (underWay?.id === id && underWay.hasRows) return
  const tables = await carriedTables(db.read, db.engine)
  await checkSchema(db, source, tables)
  if (underWay?.id !== id) await begin(db, { tables, id, isLeftOver: underWay !== undefined })
  for (const table of tables) await loadTable(db, { table, source })
  const sums = await sumsOf(db.read, db.engine)
  const wrong = tables.filter(({ name }) => !isDeepStrictEqual(sums[name], source.sums[name]))
  if (wrong.length > 0)
    throw new LoadFailure(`These tables hold other rows than they were given: ${namesOf(wrong)}`)
  await db.transaction((tx) =>
    tx.updateTable('lease').set({ fence: WITH_ROWS }).where('name', '=', MARK).execute(),
  )
}

/** Says that everything is there. */
export async function endLoad(db: Sql): Promise<void> {
  await db.transaction((tx) => tx.deleteFrom('lease').where('name', '=', MARK).execute())
}

/** What is being brought into the database and did not come to its end; undefined for one that is whole. */
export async function unfinishedLoad(db: Sql): Promise<{ id: string; hasRows: boolean } | undefined> {
  const mark = db.read.selectFrom('lease').select(['holder', 'fence']).where('name', '=', MARK)
  const row = await mark.executeTakeFirst()
  return row && { id: row.holder, hasRows: row.fence === WITH_ROWS }
}

/** Whether nothing was ever done with the database. */
export async function isUntouched(db: Sql): Promise<boolean> {
  for (const { name } of await carriedTables(db.read, db.engine))
    if ((await countOf(db, name)) > (BUILT_IN[name] ?? 0)) return false
  return true
}

async function checkSchema(db: Sql, source: RowSource, tables: readonly Table[]): Promise<void> {
  const names = tables.map(({ name }) => name).toSorted()
  const migrations = await appliedMigrations(db)
  if (!isDeepStrictEqual(migrations, source.migrations) || !isDeepStrictEqual(names, tableNames(source.sums)))
    throw new LoadFailure(
      'The database has another schema than what is to be brought into it. Give an empty one.',
    )
}

const tableNames = (sums: Sums) => Object.keys(sums).toSorted()
const namesOf = (tables: readonly Table[]) => tables.map(({ name }) => name).join(', ')
const idOf = (sums: Sums) => createHash('sha256').update(JSON.stringify(sums)).digest('hex')

/** Marks the database as unfinished and takes out what it was born with, and what an earlier load of other content left. */
async function begin(
  db: Sql,
  { tables, id, isLeftOver }: { tables: readonly Table[]; id: string; isLeftOver: boolean },
): Promise<void> {
  if (!isLeftOver && !(await isUntouched(db)))
    throw new LoadFailure('The database is not empty. Give an empty one: nothing is ever written over.')
  await db.transaction(async (tx) => {
    for (const { name } of tables.toReversed()) await sql`delete from ${sql.table(name)}`.execute(tx)
    await tx.deleteFrom('lease').where('name', '=', MARK).execute()
    await tx.insertInto('lease').values({ name: MARK, holder: id, fence: BEGUN, until: 0 }).execute()
  })
}

/** Rows come in the order of the key, so as many as are there already are the first ones. */
async function loadTable(db: Sql, { table, source }: { table: Table; source: RowSource }): Promise<void> {
  let known = await countOf(db, table.name)
  for await (const page of source.rows(table)) {
    const rows = page.slice(known)
    known = Math.max(0, known - page.length)
    if (rows.length > 0) await db.transaction((tx) => insert(tx, { db, table, rows }))
  }
  if (db.engine === 'postgres' && table.numbered) await goOnNumbering(db, table.name, table.numbered)
}

async function insert(
  tx: Tx,
  { db, table, rows }: { db: Sql; table: Table; rows: readonly Row[] },
): Promise<void> {
  const columns = sql.join(table.columns.map((it) => sql.ref(it)))
  const values = rows.map((row) => sql`(${sql.join(table.columns.map((it) => row[it] ?? null))})`)
  const numbering = db.engine === 'postgres' ? sql`overriding system value` : sql``
  await sql`insert into ${sql.table(table.name)} (${columns}) ${numbering} values ${sql.join(values)}`.execute(
    tx,
  )
}

/** SQLite does so by itself. */
async function goOnNumbering(db: Sql, table: string, column: string): Promise<void> {
  const last = sql`(select max(${sql.ref(column)}) from ${sql.table(table)})`
  await db.transaction((tx) =>
    sql`select setval(pg_get_serial_sequence(${table}, ${column}), coalesce(${last}, 1), ${last} is not null)`.execute(
      tx,
    ),
  )
}

async function countOf(db: Sql, table: string): Promise<number> {
  const { rows } = await sql<{ count: number }>`select count(*) as count from ${sql.table(table)}`.execute(
    db.read,
  )
  return rows[0]?.count ?? 0
}
