import { expect, test } from 'vitest'
import { endLoad, isUntouched, loadRows, unfinishedLoad } from '../../../src/storage/move/load.ts'
import { carriedTables, pagesOf, type RowSource, sumsOf } from '../../../src/storage/move/rows.ts'
import type { Reader, Sql } from '../../../src/storage/sql/database.ts'
import { appliedMigrations } from '../../../src/storage/sql/migrate.ts'
import { fillEveryTable } from '../../support/every-table.ts'
import { insertNamespace, insertPackages, namespaces } from '../../support/rows.ts'
import { type Engine, engines, onEveryEngine } from '../../support/services.ts'

const [sqlite, postgres] = engines as [Engine, Engine] // the two there are

async function sourceOf(sql: Sql, db: Reader = sql.read): Promise<RowSource> {
  return {
    migrations: await appliedMigrations(sql),
    sums: await sumsOf(db, sql.engine),
    rows: (table) => pagesOf(db, table),
  }
}

test('every table of the database is carried, but those of the machinery', async () => {
  await using storage = await sqlite.open()
  const all = (await storage.sql.read.introspection.getTables()).map(({ name }) => name)
  const carried = (await carriedTables(storage.sql.read, 'sqlite')).map(({ name }) => name)
  expect(all.filter((name) => !carried.includes(name)).toSorted()).toEqual(['lease', 'migration'])
})

test.skipIf(postgres.missing)('rows of every table go to Postgres and back, and are the same', async () => {
  await using here = await sqlite.open()
  await using there = await postgres.open()
  await using back = await sqlite.open()
  await fillEveryTable(here.sql, 300)
  const sums = await sumsOf(here.sql.read, 'sqlite')
  for (const [name, { rows }] of Object.entries(sums)) expect([name, rows >= 300]).toEqual([name, true])
  await loadRows(there.sql, await sourceOf(here.sql))
  await loadRows(back.sql, await sourceOf(there.sql))
  expect(await sumsOf(there.sql.read, 'postgres')).toEqual(sums)
  expect(await sumsOf(back.sql.read, 'sqlite')).toEqual(sums)
})

onEveryEngine('loading rows', ({ open }) => {
  test('what is numbered goes on after the last number', async () => {
    await using from = await sqlite.open()
    await using to = await open()
    await insertPackages(from.sql, {})
    const change = { at: 1, package_id: 'p1', kind: 'create', detail: '{}' } as const
    const insert = (sql: Sql) =>
      sql.transaction((tx) =>
        tx.insertInto('change').values(change).returning('seq').executeTakeFirstOrThrow(),
      )
    for (let n = 0; n < 3; n += 1) await insert(from.sql)
    await loadRows(to.sql, await sourceOf(from.sql))
    expect(await insert(to.sql)).toEqual({ seq: 4 })
  })

  test('nothing is written over', async () => {
    await using from = await sqlite.open()
    await using to = await open()
    expect(await isUntouched(to.sql)).toBe(true)
    await to.sql.transaction((tx) => insertNamespace(tx, 'mine'))
    await expect(loadRows(to.sql, await sourceOf(from.sql))).rejects.toThrow('The database is not empty')
    expect(await namespaces(to.sql.read)).toEqual([{ name: 'mine' }])
  })

  test('broken off, it is seen to be unfinished and goes on where it was', async () => {
    await using from = await sqlite.open()
    await using to = await open()
    await fillEveryTable(from.sql, 260)
    const source = await sourceOf(from.sql)
    const broken: RowSource = {
      ...source,
      async *rows(table) {
        for await (const page of source.rows(table)) {
          yield page
          if (table.name === 'package') throw new Error('the cable was pulled')
        }
      },
    }
    await expect(loadRows(to.sql, broken)).rejects.toThrow('the cable was pulled')
    expect(await unfinishedLoad(to.sql)).toBeDefined()
    await loadRows(to.sql, source)
    await endLoad(to.sql)
    expect(await unfinishedLoad(to.sql)).toBeUndefined()
    expect(await sumsOf(to.sql.read, to.sql.engine)).toEqual(source.sums)
  })

  test('rows that are not those that were promised are told', async () => {
    await using from = await sqlite.open()
    await using to = await open()
    await insertPackages(from.sql, { id: 'p1' }, { id: 'p2' })
    const source = await sourceOf(from.sql)
    const lossy: RowSource = {
      ...source,
      async *rows(table) {
        for await (const page of source.rows(table)) yield table.name === 'package' ? page.slice(1) : page
      },
    }
    await expect(loadRows(to.sql, lossy)).rejects.toThrow('given: package')
  })

  test('a snapshot shows one moment, however long it is read', async () => {
    await using storage = await open()
    await insertPackages(storage.sql, { id: 'p1' })
    await storage.sql.snapshot(async (db) => {
      const before = await sumsOf(db, storage.sql.engine)
      await insertPackages(storage.sql, { id: 'p2' })
      expect(await sumsOf(db, storage.sql.engine)).toEqual(before)
      expect(before.package?.rows).toBe(1)
    })
    expect((await sumsOf(storage.sql.read, storage.sql.engine)).package?.rows).toBe(2)
  })
})
