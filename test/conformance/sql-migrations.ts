import { appendFile, cp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openStorage, pendingMigrations, type Storage } from '../../src/storage/storage.ts'
import {
  type Cleanup,
  type Engine,
  migrationsFolder,
  type Place,
  temporaryFolder,
} from '../support/services.ts'

/** What opening storage does to a database's schema. */
export function migrationSuite({ place }: Engine): void {
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
    await cp(migrationsFolder, config.migrations, { recursive: true })
    await (await openStorage(config))[Symbol.asyncDispose]()
    await appendFile(join(config.migrations, '0001-accounts.sql'), '-- an afterthought')
    await expect(openStorage(config)).rejects.toThrow('0001-accounts.sql was edited')
    await expect(pendingMigrations(config)).rejects.toThrow('0001-accounts.sql was edited')
  })

  test('an older release goes on beside a newer one that only added to the schema', async (t) => {
    await using where = await place()
    await using newer = await storageWith(t, where, {
      '9999-more.sql': 'create table more (id text primary key);',
    })
    await using older = await openStorage(where.config)
    expect(await older.sql.read.selectFrom('package').selectAll().execute()).toEqual([])
    await newer.sql.ping()
    expect(await pendingMigrations(where.config)).toEqual([])
  })

  test('an older release is refused where a newer one took something away', async (t) => {
    await using where = await place()
    await using _newer = await storageWith(t, where, { '9999-less.contract.sql': 'drop table star;' })
    await expect(openStorage(where.config)).rejects.toThrow('made by a newer release')
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

/** Storage as a release opens it that has one migration more. */
async function storageWith(
  t: Cleanup,
  { config }: Place,
  more: Readonly<Record<string, string>>,
): Promise<Storage> {
  const migrations = await temporaryFolder(t)
  await cp(migrationsFolder, migrations, { recursive: true })
  for (const [name, text] of Object.entries(more)) await writeFile(join(migrations, name), text)
  return openStorage({ ...config, migrations })
}
