import { describe, expect, test } from 'vitest'
import { Conflict, MissingReference, type Tx } from '../../src/storage/sql/database.ts'
import { box, findBox, insertNamespace, insertPackages } from '../support/rows.ts'
import type { Engine } from '../support/services.ts'
import { migrationSuite } from './sql-migrations.ts'
import { concurrencySuite, transactionSuite } from './sql-transactions.ts'

/** What every SQL driver must do alike: the portable SQL that queries are written in, transactions and migrations. */
export function sqlSuite(engine: Engine): void {
  describe('portable SQL', () => portableSql(engine))
  describe('constraints', () => constraints(engine))
  describe('transactions', () => transactionSuite(engine))
  describe('at the same time', () => concurrencySuite(engine))
  describe('migrations', () => migrationSuite(engine))
}

function portableSql({ open }: Engine): void {
  test('a row comes back as it was written, nulls and big integers included', async () => {
    await using storage = await open()
    await insertPackages(storage.sql, {})
    expect(await findBox(storage.sql)).toEqual({ ...box, npm_name: '@kim/box' })
  })

  test('JSON is text and comes back byte for byte', async () => {
    await using storage = await open()
    const detail = '{ "b":1, "a":"é😀" , "b":2}'
    await insertPackages(storage.sql, {})
    const change = { at: 1, package_id: 'p1', kind: 'create', detail } as const
    await storage.sql.transaction((tx) => tx.insertInto('change').values(change).execute())
    expect(await storage.sql.read.selectFrom('change').select('detail').execute()).toEqual([{ detail }])
  })

  test('the feed numbers its rows, rising', async () => {
    await using storage = await open()
    await insertPackages(storage.sql, {})
    const change = { at: 1, package_id: 'p1', kind: 'create', detail: '{}' } as const
    const seqs: number[] = []
    for (let i = 0; i < 3; i++) {
      const insert = (tx: Tx) =>
        tx.insertInto('change').values(change).returning('seq').executeTakeFirstOrThrow()
      seqs.push((await storage.sql.transaction(insert)).seq)
    }
    expect(seqs).toEqual([1, 2, 3])
  })

  test('an upsert changes the row that is there and returns it', async () => {
    await using storage = await open()
    await insertPackages(storage.sql, {})
    const bump = (tx: Tx) =>
      tx
        .insertInto('package')
        .values({ ...box, id: 'p2' })
        .onConflict((on) =>
          on
            .columns(['host', 'npm_name'])
            .doUpdateSet((row) => ({ revision: row('package.revision', '+', 1) })),
        )
        .returning(['id', 'revision'])
        .executeTakeFirst()
    expect(await storage.sql.transaction(bump)).toEqual({ id: 'p1', revision: 2 })
  })

  test('pages follow a cursor of two columns', async () => {
    await using storage = await open()
    await insertPackages(
      storage.sql,
      ...['a', 'b', 'c', 'd'].map((id, index) => ({ id, created_at: index < 2 ? 1 : 2 })),
    )
    const rows = await storage.sql.read
      .selectFrom('package')
      .select('id')
      .where(({ eb, refTuple, tuple }) => eb(refTuple('created_at', 'id'), '>', tuple(1, 'a')))
      .orderBy('created_at')
      .orderBy('id')
      .limit(2)
      .execute()
    expect(rows.map(({ id }) => id)).toEqual(['b', 'c'])
  })

  test('a count, a sum and a maximum are numbers', async () => {
    await using storage = await open()
    await insertPackages(storage.sql, { id: 'a' }, { id: 'b' })
    const row = await storage.sql.read
      .selectFrom('package')
      .select(({ fn }) => [fn.countAll<number>().as('count'), fn.max('created_at').as('latest')])
      .executeTakeFirst()
    expect(row).toEqual({ count: 2, latest: box.created_at })
  })

  test('names sort by their bytes', async () => {
    await using storage = await open()
    const names = ['-', '10', '9', 'A', 'Z', '_', 'a', 'a-b', 'a.b', 'ab', 'b', 'é']
    await insertPackages(storage.sql, ...names.toReversed().map((id) => ({ id })))
    const rows = await storage.sql.read.selectFrom('package').select('id').orderBy('id').execute()
    expect(rows.map(({ id }) => id)).toEqual(names)
  })

  test('like over lower ignores case', async () => {
    await using storage = await open()
    await insertPackages(storage.sql, { id: 'BoxCar' }, { id: 'cart' })
    const rows = await storage.sql.read
      .selectFrom('package')
      .select('id')
      .where(({ fn }) => fn('lower', ['id']), 'like', 'box%')
      .execute()
    expect(rows).toEqual([{ id: 'BoxCar' }])
  })

  test('updates and deletes tell how many rows they touched', async () => {
    await using storage = await open()
    await insertPackages(storage.sql, { id: 'a' }, { id: 'b' })
    const update = (tx: Tx) => tx.updateTable('package').set({ revision: 5 }).executeTakeFirst()
    expect((await storage.sql.transaction(update)).numUpdatedRows).toBe(2n)
    const remove = (tx: Tx) => tx.deleteFrom('package').where('id', '=', 'a').executeTakeFirst()
    expect((await storage.sql.transaction(remove)).numDeletedRows).toBe(1n)
    expect((await storage.sql.transaction(remove)).numDeletedRows).toBe(0n)
  })

  test('deleting with returning hands the row to exactly one caller', async () => {
    await using storage = await open()
    await insertPackages(storage.sql, {})
    const claim = (tx: Tx) =>
      tx.deleteFrom('package').where('id', '=', 'p1').returning('id').executeTakeFirst()
    const claims = await Promise.all(Array.from({ length: 8 }, () => storage.sql.transaction(claim)))
    expect(claims.filter(Boolean)).toEqual([{ id: 'p1' }])
  })

  test('first runs a compiled select with other parameters each time', async () => {
    await using storage = await open()
    await insertPackages(storage.sql, { id: 'a', revision: 1 }, { id: 'b', revision: 2 })
    const query = storage.sql.read.selectFrom('package').select('revision').where('id', '=', '').compile()
    expect(await storage.sql.first(query, ['a'])).toEqual({ revision: 1 })
    expect(await storage.sql.first(query, ['b'])).toEqual({ revision: 2 })
    expect(await storage.sql.first(query, ['c'])).toBeUndefined()
    await insertPackages(storage.sql, { id: 'c', revision: 3 })
    expect(await storage.sql.first(query, ['c'])).toEqual({ revision: 3 })
  })
}

function constraints({ open }: Engine): void {
  test('a second row with the same primary key is a Conflict', async () => {
    await using storage = await open()
    await insertPackages(storage.sql, { id: 'a', npm_name: 'x' })
    await expect(insertPackages(storage.sql, { id: 'a', npm_name: 'y' })).rejects.toBeInstanceOf(Conflict)
  })

  test('a second row with the same unique columns is a Conflict', async () => {
    await using storage = await open()
    await insertPackages(storage.sql, { id: 'a', npm_name: 'x' })
    await expect(insertPackages(storage.sql, { id: 'b', npm_name: 'x' })).rejects.toBeInstanceOf(Conflict)
  })

  test('a reference to nothing is a MissingReference', async () => {
    await using storage = await open()
    const tag = (tx: Tx) =>
      tx.insertInto('tag').values({ package_id: 'nobody', tag: 'latest', version: '1.0.0' }).execute()
    await expect(storage.sql.transaction(tag)).rejects.toBeInstanceOf(MissingReference)
  })

  test('deleting what is referred to is a MissingReference', async () => {
    await using storage = await open()
    await insertPackages(storage.sql, {})
    await storage.sql.transaction((tx) =>
      tx.insertInto('tag').values({ package_id: 'p1', tag: 'latest', version: '1.0.0' }).execute(),
    )
    const remove = (tx: Tx) => tx.deleteFrom('package').execute()
    await expect(storage.sql.transaction(remove)).rejects.toBeInstanceOf(MissingReference)
  })

  test('a Conflict can be caught inside the body and thrown on as something else', async () => {
    await using storage = await open()
    const work = storage.sql.transaction(async (tx) => {
      await insertNamespace(tx, 'kim')
      await insertNamespace(tx, 'kim').catch((error) => {
        throw error instanceof Conflict ? new Error('taken') : error
      })
    })
    await expect(work).rejects.toThrow('taken')
  })
}
