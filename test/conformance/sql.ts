import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { appendFile, cp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sql as fragment } from 'kysely'
import { describe, expect, test } from 'vitest'
import {
  Conflict,
  MissingReference,
  type PackageRow,
  type Reader,
  type Sql,
  type Tx,
} from '../../src/storage/sql/database.ts'
import { openStorage, pendingMigrations } from '../../src/storage/storage.ts'
import { type Engine, temporaryFolder } from '../support/services.ts'

/** What every SQL driver must do alike: the portable SQL that queries are written in, transactions and migrations. */
export function sqlSuite(engine: Engine): void {
  describe('portable SQL', () => portableSql(engine))
  describe('constraints', () => constraints(engine))
  describe('transactions', () => transactions(engine))
  describe('at the same time', () => concurrency(engine))
  describe('migrations', () => migrations(engine))
}

const box: PackageRow = {
  id: 'p1',
  host: '',
  npm_name: '@kim/box',
  namespace: 'kim',
  name: 'box',
  source: 'local',
  access: 'public',
  revision: 1,
  require_tfa_at: null,
  created_at: 1_800_000_000_000,
  modified_at: 1_800_000_000_000,
  yanked_at: null,
  removed_at: null,
}

async function insertPackages(sql: Sql, ...changes: Partial<PackageRow>[]): Promise<void> {
  const rows = changes.map((change) => ({ ...box, npm_name: change.id ?? box.npm_name, ...change }))
  await sql.transaction((tx) => tx.insertInto('package').values(rows).execute())
}

const insertNamespace = (tx: Tx, name: string) =>
  tx.insertInto('namespace').values({ name, created_at: 1, created_by: null }).execute()

/** Those that a test made; built-in ones are of no time. */
const namespaces = (db: Reader) =>
  db.selectFrom('namespace').select('name').where('created_at', '>', 0).execute()

const findBox = (sql: Sql) =>
  sql.read.selectFrom('package').selectAll().where('id', '=', 'p1').executeTakeFirst()

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

function transactions({ open }: Engine): void {
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

function concurrency({ open, place }: Engine): void {
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

function migrations({ place }: Engine): void {
  test('what is pending is told, applied once, and then nothing is pending', async () => {
    await using where = await place()
    const before = await pendingMigrations(where.config)
    expect(before).toContain('0001-accounts.sql')
    await using _storage = await openStorage(where.config)
    expect(await pendingMigrations(where.config)).toEqual([])
  })

  test('servers that start at once on an empty database all come up', async () => {
    await using where = await place()
    const opened = await Promise.all(Array.from({ length: 3 }, () => openStorage(where.config)))
    for (const storage of opened) {
      expect(await storage.sql.read.selectFrom('package').selectAll().execute()).toEqual([])
      await storage[Symbol.asyncDispose]()
    }
  })

  test('a migration edited after it was applied is refused', async (t) => {
    await using where = await place()
    const config = { ...where.config, migrations: await temporaryFolder(t) }
    await cp(where.config.migrations, config.migrations, { recursive: true })
    await (await openStorage(config))[Symbol.asyncDispose]()
    await appendFile(join(config.migrations, '0001-accounts.sql'), '-- an afterthought')
    await expect(openStorage(config)).rejects.toThrow('0001-accounts.sql was edited')
    await expect(pendingMigrations(config)).rejects.toThrow('0001-accounts.sql was edited')
  })

  test('a database of a newer release is refused', async (t) => {
    await using where = await place()
    const config = { ...where.config, migrations: await temporaryFolder(t) }
    await cp(where.config.migrations, config.migrations, { recursive: true })
    const newer = join(config.migrations, '9999-newer.sql')
    await writeFile(newer, 'create table newer (id text primary key);')
    await (await openStorage(config))[Symbol.asyncDispose]()
    await rm(newer)
    await expect(openStorage(config)).rejects.toThrow('made by a newer release')
  })

  test('a migration that fails leaves nothing behind, and can be mended', async (t) => {
    await using where = await place()
    const config = { ...where.config, migrations: await temporaryFolder(t) }
    const file = join(config.migrations, '0001-first.sql')
    await writeFile(file, 'create table half (id text primary key); create nonsense;')
    await expect(openStorage(config)).rejects.toThrow()
    expect(await pendingMigrations(config)).toEqual(['0001-first.sql'])
    await writeFile(
      file,
      'create table half (id text primary key); create table whole (id text primary key);',
    )
    await using _storage = await openStorage(config)
    expect(await pendingMigrations(config)).toEqual([])
  })
}
