import type { Millis } from '../../base/time.ts'

/** Teams, as `migrations/` makes their tables; a part of Database. */
export interface TeamTables {
  team: TeamRow
  team_member: TeamMemberRow
  team_package: TeamPackageRow
}

export interface TeamRow {
  namespace: string
  name: string
  created_by: string | null
  created_at: Millis
}

export interface TeamMemberRow {
  namespace: string
  team: string
  account_id: string
}

export interface TeamPackageRow {
  package_id: string
  namespace: string
  team: string
  permission: 'read' | 'write'
  granted_by: string | null
  granted_at: Millis
}
