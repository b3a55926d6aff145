import type { Millis } from '../base/time.ts'
import type { ChangeKind, Tx } from '../storage/sql/database.ts'
import { type AuditQuery, appendAudit, listAudit } from '../storage/tables/audit.ts'
import { appendChange } from '../storage/tables/packages.ts'
import type { Context } from './context.ts'
import type { Caller, PackageHead } from './model.ts'
import { addToOutbox } from './webhooks/outbox.ts'

/** Who does something to an account, and from where. */
export type Origin = {
  /** The account's name; undefined: nobody was logged in. */
  readonly actor?: string | undefined
  /** The client's address; '' for the registry's own machine. */
  readonly address: string
}

/** The command line on the registry's own machine. */
export const CONSOLE: Origin = { address: '' }

/** What people do to packages, as the feed calls it; `refresh` is nobody's doing. */
type Deeds = Exclude<ChangeKind, 'refresh'>

export type AuditAction =
  | 'account.add'
  | 'account.email'
  | 'account.password'
  | 'account.disable'
  | 'account.enable'
  | 'account.role'
  | 'identity.link'
  | 'identity.unlink'
  | 'invitation.create'
  | 'login'
  | 'login.allow'
  | 'login.deny'
  | 'login.fail'
  | 'logout'
  | 'member.accept'
  | 'member.decline'
  | 'member.invite'
  | 'member.remove'
  | 'member.role'
  | 'namespace.create'
  | 'package.release'
  | 'passkey.add'
  | 'passkey.remove'
  | 'session.end'
  | 'stage.add'
  | 'stage.approve'
  | 'stage.reject'
  | 'team.add'
  | 'team.create'
  | 'team.destroy'
  | 'team.remove'
  | 'tfa.disable'
  | 'tfa.enable'
  | 'tfa.mode'
  | 'tfa.recovery'
  | 'token.create'
  | 'token.revoke'
  | 'trust.add'
  | 'trust.exchange'
  | 'trust.refuse'
  | 'trust.revoke'
  | 'webhook.add'
  | 'webhook.redeliver'
  | 'webhook.remove'
  | 'webhook.update'
  | `package.${Deeds}`

export type AuditEntry = {
  readonly seq: number
  readonly at: Millis
  readonly actor: string | undefined
  readonly action: AuditAction
  /** Whom or what it was done to. */
  readonly subject: string
  readonly address: string
  readonly detail: object
}

type Deed = { readonly action: AuditAction; readonly subject: string; readonly detail?: object }

/** Adds to the log, inside the transaction of the act itself: one is never there without the other. */
export async function note(tx: Tx, { at, by }: { at: Millis; by: Origin }, deed: Deed): Promise<void> {
  await appendAudit(tx, {
    at,
    actor: by.actor ?? null,
    action: deed.action,
    subject: deed.subject,
    address: by.address,
    detail: JSON.stringify(deed.detail ?? {}),
  })
}

/** Whoever asks, as the log has it. */
export function originOfCaller(caller: Caller): Origin {
  return caller.kind === 'anonymous' ? CONSOLE : { actor: caller.name, address: caller.address ?? '' }
}

type PackageDeed = {
  readonly of: Pick<PackageHead, 'id' | 'npmName'>
  readonly at: Millis
  readonly kind: Deeds
  readonly detail?: object
  /** Further detail, for the log alone. */
  readonly aside?: object
}

/** Tells of a change that somebody made to a package: those who follow the feed, the webhooks, and the log. */
export async function tell(tx: Tx, caller: Caller, change: PackageDeed): Promise<void> {
  const { of, at, kind, detail = {}, aside = {} } = change
  const by = originOfCaller(caller)
  await appendChange(tx, of.id, { at, kind, detail })
  await addToOutbox(tx, { of, at, kind, detail, by: by.actor })
  const deed = { action: `package.${kind}`, subject: of.npmName, detail: { ...detail, ...aside } } as const
  await note(tx, { at, by }, deed)
}

/** Entries handed out at once. */
export const AUDIT_PAGE = 100

/** What was done to accounts, by whom and from where. */
export class Audit {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  /** Notes what changed nothing, such as a failed login. */
  async note(by: Origin, deed: Deed): Promise<void> {
    const at = this.#context.clock.now()
    await this.#context.storage.sql.transaction((tx) => note(tx, { at, by }, deed))
  }

  /** Newest first, at most a hundred; `before` is the `seq` of the last one seen. */
  async list(query: Omit<AuditQuery, 'limit'> = {}): Promise<AuditEntry[]> {
    const rows = await listAudit(this.#context.storage.sql.read, { ...query, limit: AUDIT_PAGE })
    return rows.map((row) => ({
      ...row,
      actor: row.actor ?? undefined,
      action: row.action as AuditAction, // only `note` writes them
      detail: JSON.parse(row.detail),
    }))
  }
}
