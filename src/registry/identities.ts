import { Fault } from '../base/fault.ts'
import type { Millis } from '../base/time.ts'
import { Conflict, type IdentityRow, type Tx } from '../storage/sql/database.ts'
import {
  deleteIdentity,
  findIdentity,
  insertIdentity,
  listIdentities,
  updateIdentity,
} from '../storage/tables/identities.ts'
import type { Account, Accounts } from './accounts.ts'
import { note, type Origin } from './audit.ts'
import type { Context } from './context.ts'
import type { Sealer } from './seal.ts'

/** Whom a provider says somebody is. */
export type Profile = {
  readonly provider: string
  /** The provider's stable id. */
  readonly subject: string
  /** The login name or address to show. */
  readonly name: string
  readonly email: string
  /** The provider's access token. */
  readonly token: string | undefined
}

export type Identity = {
  readonly provider: string
  readonly subject: string
  readonly name: string
  readonly linkedAt: Millis
  readonly usedAt: Millis
}

/** Accounts elsewhere that open an account here. One account may have several, one identity opens one account. */
export class Identities {
  readonly #context: Context
  readonly #accounts: Accounts
  readonly #sealer: Sealer

  constructor(context: Context, parts: { accounts: Accounts; sealer: Sealer }) {
    this.#context = context
    this.#accounts = parts.accounts
    this.#sealer = parts.sealer
  }

  /** The account this identity opens; undefined when it is linked to none, or to a disabled one. */
  async open(profile: Profile): Promise<Account | undefined> {
    const { sql } = this.#context.storage
    const row = await findIdentity(sql.read, profile.provider, profile.subject)
    if (!row) return undefined
    const account = await this.#accounts.findById(row.account_id)
    if (!account || account.disabledAt !== undefined) return undefined
    await sql.transaction((tx) => updateIdentity(tx, this.#row(profile, account.id)))
    return account
  }

  /** Whether any account has it. */
  async isLinked({ provider, subject }: Pick<Profile, 'provider' | 'subject'>): Promise<boolean> {
    return (await findIdentity(this.#context.storage.sql.read, provider, subject)) !== undefined
  }

  /** CONFLICT when another account has it already; quiet when this one has. */
  async link(account: { id: string; name: string }, profile: Profile, by: Origin): Promise<void> {
    const { sql } = this.#context.storage
    const known = await findIdentity(sql.read, profile.provider, profile.subject)
    if (known?.account_id === account.id) return
    try {
      await sql.transaction((tx) => this.insert(tx, { account, profile, by }))
    } catch (error) {
      throw error instanceof Conflict ? taken(profile) : error
    }
  }

  /** The same, inside the transaction that makes the account. Throws Conflict. */
  async insert(
    tx: Tx,
    { account, profile, by }: { account: { id: string; name: string }; profile: Profile; by: Origin },
  ): Promise<void> {
    const row = this.#row(profile, account.id)
    await insertIdentity(tx, row)
    const detail = { provider: row.provider, name: row.name }
    await note(tx, { at: row.linked_at, by }, { action: 'identity.link', subject: account.name, detail })
  }

  async list(accountId: string): Promise<Identity[]> {
    const rows = await listIdentities(this.#context.storage.sql.read, accountId)
    return rows.map(({ provider, subject, name, linked_at, used_at }) => {
      return { provider, subject, name, linkedAt: linked_at, usedAt: used_at }
    })
  }

  /** CONFLICT when it is the only way left to log in. */
  async unlink(
    account: Account,
    identity: Pick<Identity, 'provider' | 'subject'>,
    by: Origin,
  ): Promise<void> {
    const others = (await this.list(account.id)).filter(
      ({ provider, subject }) => provider !== identity.provider || subject !== identity.subject,
    )
    if (others.length === 0 && !account.hasPassword)
      throw new Fault('CONFLICT', { why: 'Set a password first, or you could not log in any more.' })
    const at = this.#context.clock.now()
    const { provider, subject } = identity
    await this.#context.storage.sql.transaction(async (tx) => {
      await deleteIdentity(tx, { provider, subject, account_id: account.id })
      await note(tx, { at, by }, { action: 'identity.unlink', subject: account.name, detail: { provider } })
    })
  }

  #row(profile: Profile, accountId: string): IdentityRow {
    const now = this.#context.clock.now()
    return {
      provider: profile.provider,
      subject: profile.subject,
      account_id: accountId,
      name: profile.name.slice(0, 200),
      token: profile.token === undefined ? null : this.#sealer.seal(profile.token),
      linked_at: now,
      used_at: now,
    }
  }
}

function taken({ provider, name }: Profile): Fault {
  return new Fault('CONFLICT', { why: `${name} of ${provider} is linked to another account.` })
}
