import type { Millis } from '../../base/time.ts'

/** Trusted builds, as `migrations/` makes their tables; a part of Database. */
export interface TrustTables {
  trust: TrustRow
  identity_token: IdentityTokenRow
}

export interface TrustRow {
  id: string
  package_name: string
  type: 'github' | 'gitlab' | 'circleci'
  claims: string
  permissions: string
  account_id: string
  created_at: Millis
}

export interface IdentityTokenRow {
  issuer: string
  jti: string
  package_name: string
  expires_at: Millis
}
