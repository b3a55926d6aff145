import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { sql as fragment } from 'kysely'
import { expect, test } from 'vitest'
import { Conflict, type Tx } from '../../src/storage/sql/database.ts'
import { openStorage } from '../../src/storage/storage.ts'
import { findBox, insertNamespace, insertPackages, namespaces } from '../support/rows.ts'
import type { Engine } from '../support/services.ts'

/** What a transaction promises to one caller. */
export function transactionSuite({ open }: Engine): void {
  test('what the body returns is what the transaction resolves to', async () => {
    await using storage = await open()
    expect(await storage.sql.transaction(async () => 42)).toBe(42)
  })

  test('an error undoes everything the body did', async () => {
    await using storage = await open()
    const work = storage.sql.transaction(async (tx) => {
      await insertNamespace(tx, 'kim')
      throw new Error('changed my mind')
    })
    await expect(work).rejects.toThrow('changed my mind')
    expect(await namespaces(storage.sql.read)).toEqual([])
  })

  test('a relaxed transaction holds whole or not at all, like every other, and beside others', async () => {
    await using storage = await open()
    const { sql } = storage
    const failing = sql.relaxed(async (tx) => {
      await insertNamespace(tx, 'lee')
      throw new Error('changed my mind')
    })
    await expect(failing).rejects.toThrow('changed my mind')
    await Promise.all([
      sql.relaxed((tx) => insertNamespace(tx, 'ann')),
      sql.transaction((tx) => insertNamespace(tx, 'bob')),
      sql.relaxed((tx) => insertNamespace(tx, 'kim')),
    ])
    expect((await namespaces(sql.read)).map(({ name }) => name).sort()).toEqual(['ann', 'bob', 'kim'])
  })

  test('readers neither see nor wait for an open transaction', async () => {
    await using storage = await open()
    const seen = await storage.sql.transaction(async (tx) => {
      await insertNamespace(tx, 'kim')
      return namespaces(storage.sql.read)
    })
    expect(seen).toEqual([])
    expect(await namespaces(storage.sql.read)).toEqual([{ name: 'kim' }])
  })

  test('the body sees its own writes', async () => {
    await using storage = await open()
    const seen = await storage.sql.transaction(async (tx) => {
      await insertNamespace(tx, 'kim')
      return namespaces(tx)
    })
    expect(seen).toEqual([{ name: 'kim' }])
  })

  test('a query on a finished transaction throws', async () => {
    await using storage = await open()
    const leaked = await storage.sql.transaction(async (tx) => ({ tx }))
    await expect(insertNamespace(leaked.tx, 'kim')).rejects.toThrow(/committed/)
    expect(await namespaces(storage.sql.read)).toEqual([])
  })

  test('writing outside a transaction is refused', async () => {
    await using storage = await open()
    const write = storage.sql.read
      .insertInto('namespace')
      .values({ name: 'kim', created_at: 1, created_by: null })
    await expect(write.execute()).rejects.toThrow(/read-?only/i)
  })

  test('a transaction after a failed one works', async () => {
    await using storage = await open()
    await expect(storage.sql.transaction((tx) => fragment`select nonsense`.execute(tx))).rejects.toThrow()
    await storage.sql.transaction((tx) => insertNamespace(tx, 'kim'))
    expect(await namespaces(storage.sql.read)).toEqual([{ name: 'kim' }])
  })

  test('ping answers while the database is open and rejects afterwards', async () => {
    const storage = await open()
    await storage.sql.ping()
    await storage[Symbol.asyncDispose]()
    await expect(storage.sql.ping()).rejects.toThrow()
  })
}

const bump = (tx: Tx, id: string) =>
  tx
    .updateTable('package')
    .set((row) => ({ revision: row('revision', '+', 1) }))
    .where('id', '=', id)
    .execute()

const WRITER = fileURLToPath(new URL('../support/bump-revision.ts', import.meta.url))

/** What transactions promise to callers at the same time, in this process and others: where the engines differ most. */
export function concurrencySuite({ open, place }: Engine): void {
  test('of twenty who insert the same row, one wins and the others get a Conflict', async () => {
    await using storage = await open()
    const outcomes = await Promise.allSettled(
      Array.from({ length: 20 }, () => insertPackages(storage.sql, {})),
    )
    const losers = outcomes.filter((outcome) => outcome.status === 'rejected')
    expect(losers).toHaveLength(19)
    for (const { reason } of losers) expect(reason).toBeInstanceOf(Conflict)
  })

  test('fifty who bump one revision are all counted', async () => {
    await using storage = await open()
    await insertPackages(storage.sql, { revision: 0 })
    await Promise.all(Array.from({ length: 50 }, () => storage.sql.transaction((tx) => bump(tx, 'p1'))))
    expect(await findBox(storage.sql)).toMatchObject({ revision: 50 })
  })

  test('transactions that lock rows in opposite order all come through', async () => {
    await using storage = await open()
    await insertPackages(storage.sql, { id: 'a', revision: 0 }, { id: 'b', revision: 0 })
    const work = (order: string[]) =>
      storage.sql.transaction(async (tx) => {
        for (const id of order) await bump(tx, id)
      })
    await Promise.all(Array.from({ length: 8 }, (_, index) => work(index % 2 ? ['a', 'b'] : ['b', 'a'])))
    const rows = await storage.sql.read.selectFrom('package').select('revision').execute()
    expect(rows).toEqual([{ revision: 8 }, { revision: 8 }])
  })

  test('transactions that read beside themselves do not starve each other', async () => {
    await using storage = await open()
    const work = async (tx: Tx, index: number) => {
      await insertNamespace(tx, `n${index}`)
      await namespaces(storage.sql.read)
    }
    await Promise.all(
      Array.from({ length: 30 }, (_, index) => storage.sql.transaction((tx) => work(tx, index))),
    )
    expect(await namespaces(storage.sql.read)).toHaveLength(30)
  })

  test('other processes write the same database and nobody loses a write', async () => {
    await using where = await place()
    await using storage = await openStorage(where.config)
    await insertPackages(storage.sql, { revision: 0 })
    const config = JSON.stringify({ ...where.config, log: undefined })
    const writers = Array.from({ length: 2 }, () =>
      once(spawn(process.execPath, [WRITER, config, 'p1', '50'], { stdio: 'inherit' }), 'exit'),
    )
    for (let i = 0; i < 50; i++) await storage.sql.transaction((tx) => bump(tx, 'p1'))
    expect(await Promise.all(writers)).toEqual([
      [0, null],
      [0, null],
    ])
    expect(await findBox(storage.sql)).toMatchObject({ revision: 150 })
  })
}
