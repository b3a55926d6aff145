import { appendFile, cp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openStorage, pendingMigrations } from '../../src/storage/storage.ts'
import { type Engine, migrationsFolder, temporaryFolder } from '../support/services.ts'

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

  test('a database of a newer release is refused', async (t) => {
    await using where = await place()
    const config = { ...where.config, migrations: await temporaryFolder(t) }
    await cp(migrationsFolder, config.migrations, { recursive: true })
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
