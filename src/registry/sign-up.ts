import { randomBytes } from 'node:crypto'
import { Fault } from '../base/fault.ts'
import { days, hours, type Millis } from '../base/time.ts'
import { hasAdministrator } from '../storage/tables/accounts.ts'
import {
  deleteSetupLinks,
  findInvitationLink,
  insertInvitationLink,
  takeInvitationLink,
} from '../storage/tables/identities.ts'
import type { Account, Accounts, NewAccount } from './accounts.ts'
import { note, type Origin } from './audit.ts'
import type { Context } from './context.ts'
import type { User } from './model.ts'
import { hashToken } from './secrets.ts'

const SETUP_LIFETIME: Millis = hours(24)
const INVITATION_LIFETIME: Millis = days(7)

/** Accounts that one address may make, or try to make, in that time. */
const OPEN_LIMIT = 30
const OPEN_WINDOW: Millis = hours(1)

/** How accounts come to be: openly, where the registry is open, or by a link that works once. */
export class SignUp {
  readonly #context: Context
  readonly #accounts: Accounts

  constructor(context: Context, accounts: Accounts) {
    this.#context = context
    this.#accounts = accounts
  }

  /**
   * The secret of a link that makes the first administrator; undefined when there is one. Every server makes its own, and all of them
   * work until one did.
   */
  async setupSecret(): Promise<string | undefined> {
    if (await this.#accounts.hasAdministrator()) return undefined
    const now = this.#context.clock.now()
    const secret = newSecret()
    const row = { hash: hashToken(secret), role: 'admin', created_by: null } as const
    await this.#context.storage.sql.transaction((tx) =>
      insertInvitationLink(tx, { ...row, created_at: now, expires_at: now + SETUP_LIFETIME }),
    )
    return secret
  }

  /** The secret of a link that makes one account. FORBIDDEN unless the user is an administrator. */
  async invite(user: User, role: 'admin' | 'member', by: Origin): Promise<string> {
    if (!user.admin) throw new Fault('FORBIDDEN', { why: 'Only an administrator may do this.' })
    const now = this.#context.clock.now()
    const secret = newSecret()
    await this.#context.storage.sql.transaction(async (tx) => {
      const row = { hash: hashToken(secret), role, created_by: user.id }
      await insertInvitationLink(tx, { ...row, created_at: now, expires_at: now + INVITATION_LIFETIME })
      await note(tx, { at: now, by }, { action: 'invitation.create', subject: role })
    })
    return secret
  }

  /** What a link would make; undefined when it is used up, too old or none. */
  async roleOf(secret: string): Promise<'admin' | 'member' | undefined> {
    const row = await findInvitationLink(this.#context.storage.sql.read, hashToken(secret))
    if (!row || row.expires_at <= this.#context.clock.now()) return undefined
    const isOver = row.created_by === null && (await this.#accounts.hasAdministrator())
    return isOver ? undefined : row.role
  }

  /** Makes an account without a link, for who decided that anybody may. TOO_MANY_REQUESTS; else as Accounts.add. */
  async open(request: NewAccount & { by: Origin }): Promise<Account> {
    const key = `sign-up:${request.by.address}`
    const count = await this.#context.storage.kv.increment(key, OPEN_WINDOW)
    if (count > OPEN_LIMIT) throw new Fault('TOO_MANY_REQUESTS', { seconds: OPEN_WINDOW / 1000 })
    return this.#accounts.add(request)
  }

  /** Makes an account by a link, which is used up by it. FORBIDDEN for a link that does not work; else as Accounts.add. */
  async accept(secret: string, request: Omit<NewAccount, 'admin' | 'before'>): Promise<Account> {
    const role = (await this.roleOf(secret)) ?? refuse()
    return this.#accounts.add({
      ...request,
      admin: role === 'admin',
      before: async (tx) => {
        const row = (await takeInvitationLink(tx, hashToken(secret))) ?? refuse()
        if (row.created_by !== null) return
        // Of two people with two such links, one is the first.
        if (await hasAdministrator(tx)) refuse()
        await deleteSetupLinks(tx)
      },
    })
  }
}

function newSecret(): string {
  return randomBytes(24).toString('base64url')
}

function refuse(): never {
  throw new Fault('FORBIDDEN', { why: 'This link was used already or is too old. Ask for another one.' })
}
