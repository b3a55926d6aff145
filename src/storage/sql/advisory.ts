import type { Severity } from '../../base/severity.ts'

/** Known holes, as `migrations/` makes their table; a part of Database. */
export interface AdvisoryTables {
  advisory: AdvisoryRow
}

export interface AdvisoryRow {
  package_name: string
  id: string
  severity: Severity
  /** A range as npm writes it. */
  vulnerable: string
  /** JSON: a list of versions. */
  fixed: string
  /** JSON, as npm audit reads it. */
  document: string
}
