import type { Digest } from '../../base/digest.ts'
import type { Millis } from '../../base/time.ts'

/** Versions that wait for approval, as `migrations/` makes their table; a part of Database. */
export interface StagedTables {
  staged: StagedRow
}

export interface StagedRow {
  id: string
  npm_name: string
  version: string
  tarball: Digest
  sha1: string
  size: number
  request: string
  build: string | null
  account_id: string
  created_at: Millis
}
