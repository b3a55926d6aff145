import type { Millis } from '../base/time.ts'
import type { Tx } from '../storage/sql/database.ts'
import { appendAudit, listAudit } from '../storage/tables/audit.ts'
import type { Context } from './context.ts'

/** Who does something to an account, and from where. */
export type Origin = {
  /** The account's name; undefined: nobody was logged in. */
  readonly actor?: string | undefined
  /** The client's address; '' for the registry's own machine. */
  readonly address: string
}

/** The command line on the registry's own machine. */
export const CONSOLE: Origin = { address: '' }

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
  | 'passkey.add'
  | 'passkey.remove'
  | 'session.end'
  | 'tfa.disable'
  | 'tfa.enable'
  | 'tfa.mode'
  | 'tfa.recovery'
  | 'token.create'
  | 'token.revoke'

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

const PER_PAGE = 100

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
  async list(query: { actor?: string; before?: number } = {}): Promise<AuditEntry[]> {
    const rows = await listAudit(this.#context.storage.sql.read, { ...query, limit: PER_PAGE })
    return rows.map((row) => ({
      ...row,
      actor: row.actor ?? undefined,
      action: row.action as AuditAction, // only `note` writes them
      detail: JSON.parse(row.detail),
    }))
  }
}
