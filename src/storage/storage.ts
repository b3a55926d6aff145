import { existsSync } from 'node:fs'
import { join } from 'node:path'
import type { Digest } from '../base/digest.ts'
import { makeFolder } from '../base/folder.ts'
import type { Log } from '../base/log.ts'
import type { BlobDriver, BlobStore } from './blobs/blobs.ts'
import { DiskDriver } from './blobs/disk.ts'
import type { S3Address } from './blobs/s3-client.ts'
import { SpoolingBlobStore } from './blobs/store.ts'
import type { Kv } from './kv.ts'
import { MemoryKv } from './kv-memory.ts'
import type { Sql } from './sql/database.ts'
import {
  type MigrationSource,
  migrate,
  pendingOf,
  readMigrations,
  type ScriptableSql,
} from './sql/migrate.ts'
import type { PostgresAddress } from './sql/postgres.ts'
import { openSqlite } from './sql/sqlite.ts'
import { useSqliteAddon } from './sql/sqlite-file.ts'

/** Everything that outlives a request. Disposing closes in the reverse order of opening. */
export interface Storage extends AsyncDisposable {
  readonly sql: Sql
  readonly blobs: BlobStore
  readonly kv: Kv
}

export type S3Config = {
  readonly address: S3Address
  /** Most bytes of copies on disk. */
  readonly budget: number
  /** Whether clients may be sent to S3 for tarballs. */
  readonly redirect: boolean
}

export type StorageConfig = {
  /** The data folder (absolute): `entropic.db`, `blobs/`, `spool/`. Made when absent. */
  readonly folder: string
  readonly migrations: MigrationSource
  /** The loaded SQLite addon, where better-sqlite3 cannot find it beside its own files. */
  readonly sqliteAddon?: object
  /** Postgres instead of SQLite. Empty fields fall to the driver's own environment (PGHOST, PGUSER…). */
  readonly postgres?: PostgresAddress
  /** A memory that is there already, instead of one in this process. Closed with the storage. */
  readonly kv?: Kv
  /** Redis instead of either: `redis://…` or `rediss://…`. */
  readonly redisUrl?: string
  /** Certificates (PEM) to trust beside the system's own. */
  readonly redisCa?: string
  /** S3 instead of `blobs/`, with copies in `copies/`. */
  readonly s3?: S3Config
  /** Nothing need outlive a power cut: SQLite then waits for no disk. For tests. */
  readonly throwAway?: boolean
  readonly log: Log
}

/**
 * Opens the storage and brings its schema up to date, making the data folder when it is absent. Throws when the database cannot
 * be reached, cannot be used (Unusable), or was migrated by a release that is newer or had other migrations.
 */
export async function openStorage(config: StorageConfig): Promise<Storage> {
  await using opened = new AsyncDisposableStack()
  const spool = join(config.folder, 'spool')
  await makeFolder(spool)
  const driver = await openBlobs(config, { spool, opened })
  opened.defer(() => driver.settled?.())
  const blobs = new SpoolingBlobStore(driver, spool)
  const sql = opened.adopt(await openSql(config), (it) => it.close())
  await migrate(sql, await readMigrations(config.migrations))
  const kv = opened.adopt(await openKv(config), (it) => it.close())
  const closing = opened.move()
  return { sql, blobs, kv, [Symbol.asyncDispose]: () => closing.disposeAsync() }
}

/** The names of the migrations that opening the storage would run; throws as openStorage does. Changes nothing. */
export async function pendingMigrations(config: StorageConfig): Promise<string[]> {
  const migrations = await readMigrations(config.migrations)
  if (!config.postgres && !existsSync(databaseFile(config))) return migrations.map(({ name }) => name)
  const sql = await openSql(config)
  try {
    return await pendingOf(sql, migrations)
  } finally {
    await sql.close()
  }
}

const databaseFile = (config: StorageConfig) => join(config.folder, 'entropic.db')

/** Each driver is loaded only where it is used, so that none slows the start of the others. */
async function openSql(config: StorageConfig): Promise<ScriptableSql> {
  if (!config.postgres) {
    if (config.sqliteAddon) useSqliteAddon(config.sqliteAddon)
    return openSqlite(databaseFile(config), config.throwAway ? 'off' : 'full')
  }
  const { connectPostgres } = await import('./sql/postgres.ts')
  return connectPostgres(config.postgres, config.log)
}

/** What it opens closes with `opened`. */
async function openBlobs(
  config: StorageConfig,
  { spool, opened }: { spool: string; opened: AsyncDisposableStack },
): Promise<BlobDriver> {
  const { folder, s3, log } = config
  if (!s3) return new DiskDriver(join(folder, 'blobs'))
  const [{ openS3 }, { CachedDriver }] = await Promise.all([
    import('./blobs/s3.ts'),
    import('./blobs/cached.ts'),
  ])
  const origin = opened.adopt(await openS3({ address: s3.address, log }), (it) => it.close())
  const link = s3.redirect && { link: (digest: Digest) => origin.link(digest) }
  const disk = new DiskDriver(join(folder, 'copies'))
  return new CachedDriver(origin, { disk, spool, budget: s3.budget, log, ...link })
}

async function openKv(config: StorageConfig): Promise<Kv> {
  if (!config.redisUrl) return config.kv ?? new MemoryKv(config.log)
  const { connectRedis } = await import('./kv-redis-connect.ts')
  return connectRedis(config.redisUrl, config.log, config.redisCa)
}
