import type { Log } from '../base/log.ts'
import type { BlobStore } from './blobs/blobs.ts'
import type { Kv } from './kv.ts'
import type { Sql } from './sql/database.ts'

/** Everything that outlives a request. Disposing closes in the reverse order of opening. */
export interface Storage extends AsyncDisposable {
  readonly sql: Sql
  readonly blobs: BlobStore
  readonly kv: Kv
}

export type StorageConfig = {
  /** The data folder (absolute): `entropic.db`, `blobs/`, `spool/`. Made when absent. */
  readonly folder: string
  /** The folder of SQL files. */
  readonly migrations: string
  /** Postgres instead of SQLite. Empty fields fall to the driver's own environment (PGHOST, PGUSER…). */
  readonly postgres?: { readonly url?: string; readonly user?: string; readonly database?: string }
  /** Redis instead of the in-process mock: `redis://…` or `rediss://…`. */
  readonly redisUrl?: string
  readonly log: Log
}
