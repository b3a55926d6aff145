import type { CompiledQuery, Generated, Kysely, Transaction } from 'kysely'
import type { Digest } from '../../base/digest.ts'
import type { Millis } from '../../base/time.ts'
import type { AdvisoryTables } from './advisory.ts'
import type { CountTables } from './counts.ts'
import type { SearchTables } from './search.ts'
import type { SignatureTables } from './signature.ts'
import type { StagedTables } from './staged.ts'
import type { TeamTables } from './team.ts'
import type { TrustTables } from './trust.ts'
import type { TurnTables } from './turns.ts'
import type { WebhookTables } from './webhook.ts'

/** Every table and column, once, as `migrations/` makes them. Columns are explained there. */
export interface Database
  extends AdvisoryTables,
    CountTables,
    SearchTables,
    SignatureTables,
    StagedTables,
    TeamTables,
    TrustTables,
    TurnTables,
    WebhookTables {
  account: AccountRow
  namespace: NamespaceRow
  membership: MembershipRow
  token: TokenRow
  package: PackageRow
  maintainer: MaintainerRow
  version: VersionRow
  tag: TagRow
  change: ChangeTable
  upstream_document: UpstreamDocumentRow
  session: SessionRow
  challenge: ChallengeRow
  identity: IdentityRow
  invitation_link: InvitationLinkRow
  second_factor: SecondFactorRow
  recovery_code: RecoveryCodeRow
  passkey: PasskeyRow
  audit: AuditTable
  setting: SettingRow
  tarball_use: TarballUseRow
  package_content: PackageContentRow
  star: StarRow
}

export interface AccountRow {
  id: string
  name: string
  email: string
  password: string | null
  role: 'admin' | 'member'
  created_at: Millis
  disabled_at: Millis | null
}

export interface NamespaceRow {
  name: string
  created_at: Millis
  created_by: string | null
}

export interface MembershipRow {
  namespace: string
  account_id: string
  role: 'owner' | 'member'
  invited_by: string | null
  invited_at: Millis
  accepted_at: Millis | null
}

export interface TokenRow {
  id: string
  account_id: string
  hash: string
  hint: string
  description: string
  access: 'read' | 'publish'
  created_at: Millis
  used_at: Millis | null
  expires_at: Millis | null
  packages: string | null
  namespaces: string | null
  cidr: string | null
  bypass_at: Millis | null
  trust_id: string | null
}

export interface PackageRow {
  id: string
  host: string
  npm_name: string
  namespace: string
  name: string
  source: 'local' | 'mirror'
  access: 'public' | 'restricted'
  revision: number
  require_tfa_at: Millis | null
  created_at: Millis
  modified_at: Millis
  yanked_at: Millis | null
  removed_at: Millis | null
}

export interface MaintainerRow {
  package_id: string
  namespace: string
  invited_by: string | null
  invited_at: Millis
  accepted_at: Millis | null
  invitation: string | null
}

export interface VersionRow {
  package_id: string
  version: string
  manifest: string | null
  short: string | null
  tarball: Digest | null
  sha1: string | null
  size: number | null
  tree: Digest | null
  integrity: Digest | null
  file_count: number | null
  unpacked_size: number | null
  readme: Digest | null
  readme_html: Digest | null
  contained: string | null
  published_at: Millis
  publisher: string | null
  deprecated: string | null
  yanked_at: Millis | null
  removed_at: Millis | null
}

export interface TagRow {
  package_id: string
  tag: string
  version: string
}

export interface ChangeRow {
  seq: number
  at: Millis
  package_id: string
  kind: ChangeKind
  detail: string
}
type ChangeTable = Omit<ChangeRow, 'seq'> & { seq: Generated<number> }

export type ChangeKind =
  | 'create'
  | 'publish'
  | 'tag'
  | 'deprecate'
  | 'yank'
  | 'unpublish'
  | 'abandon'
  | 'access'
  | 'maintainer'
  | 'refresh'

export interface UpstreamDocumentRow {
  package_id: string
  upstream: string
  document: Digest
  encoding: 'identity' | 'gzip'
  size: number
  etag: string | null
  last_modified: string | null
  fetched_at: Millis
  checked_at: Millis
}

export interface SessionRow {
  id: string
  account_id: string | null
  data: string
  address: string
  agent: string
  created_at: Millis
  used_at: Millis
  expires_at: Millis
}

export interface ChallengeRow {
  id: string
  poll: string
  purpose: 'login' | 'otp' | 'pass'
  account_id: string | null
  description: string
  address: string
  agent: string
  created_at: Millis
  expires_at: Millis
  allowed_at: Millis | null
  denied_at: Millis | null
}

export interface IdentityRow {
  provider: string
  subject: string
  account_id: string
  name: string
  token: string | null
  linked_at: Millis
  used_at: Millis
}

export interface InvitationLinkRow {
  hash: string
  role: 'admin' | 'member'
  created_by: string | null
  created_at: Millis
  expires_at: Millis
}

export interface SecondFactorRow {
  account_id: string
  secret: string
  mode: 'auth-only' | 'auth-and-writes'
  last_step: number
  created_at: Millis
  confirmed_at: Millis | null
}

export interface RecoveryCodeRow {
  account_id: string
  hash: string
}

export interface PasskeyRow {
  id: string
  account_id: string
  public_key: string
  counter: number
  transports: string
  name: string
  created_at: Millis
  used_at: Millis | null
}

export interface AuditRow {
  seq: number
  at: Millis
  actor: string | null
  action: string
  subject: string
  address: string
  detail: string
}
type AuditTable = Omit<AuditRow, 'seq'> & { seq: Generated<number> }

export interface SettingRow {
  name: string
  value: string
}

export interface PackageContentRow {
  digest: Digest
  package_id: string
}

export interface TarballUseRow {
  package_id: string
  version: string
  used_at: Millis
}

export interface StarRow {
  account_id: string
  package_id: string
}

/** Reads run anywhere, also inside a transaction. */
export type Reader = Kysely<Database>
/** Writes run only inside a transaction, whose body awaits nothing but SQL. */
export type Tx = Transaction<Database>

/**
 * One SQL database. Readers never wait for a transaction. A transaction is retried by the driver when the engine asks for it
 * (SQLITE_BUSY; Postgres 40001, 40P01), so its body must be free of other effects.
 * A broken unique constraint throws Conflict, a broken reference MissingReference, whatever the engine calls them.
 */
export interface Sql {
  readonly engine: 'sqlite' | 'postgres'
  /** For selects only. */
  readonly read: Reader
  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T>
  /**
   * As transaction, for what was promised to nobody and can be had again, such as a mirror's copies: it does not wait for the disk, so a power
   * cut may undo it within about a second, whole. What commits after it is never kept without it.
   */
  relaxed<T>(work: (tx: Tx) => Promise<T>): Promise<T>
  /** Runs `work` on the database as it is at this moment, whatever is written meanwhile. It may take its time: nobody waits for it. */
  snapshot<T>(work: (db: Reader) => Promise<T>): Promise<T>
  /**
   * The shortest way for a hot select: `query` is compiled once and run with other parameters each time, past Kysely.
   * Resolves to the first row or undefined.
   */
  first<R>(query: CompiledQuery<R>, parameters: readonly unknown[]): Promise<R | undefined>
  /** As first, where the row is to be had without waiting; undefined as well where it is not, or the database fails: then first tells. */
  firstNow<R>(query: CompiledQuery<R>, parameters: readonly unknown[]): R | undefined
  /** Resolves when the database answers a trivial query; rejects otherwise. */
  ping(): Promise<void>
  close(): Promise<void>
}

/** A unique or primary key constraint refused a row. */
export class Conflict extends Error {
  override readonly name = 'Conflict'
}

/** A foreign key constraint refused a row. */
export class MissingReference extends Error {
  override readonly name = 'MissingReference'
}
