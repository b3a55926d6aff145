import { randomUUID } from 'node:crypto'
import { Fault, fail } from '../base/fault.ts'
import { parseNamespace, RESERVED_NAMESPACES } from '../base/name.ts'
import { type AccountRow, Conflict, type Tx } from '../storage/sql/database.ts'
import {
  findAccount,
  findAccountById,
  hasAdministrator,
  insertAccount,
  insertMembership,
  insertNamespace,
  listAccounts,
  replacePassword,
  updateAccount,
} from '../storage/tables/accounts.ts'
import { hasMirroredScope } from '../storage/tables/packages.ts'
import { deleteSessionsOf } from '../storage/tables/sessions.ts'
import { deleteTokensOf } from '../storage/tables/tokens.ts'
import { Attempts } from './attempts.ts'
import { type AuditAction, CONSOLE, note, type Origin } from './audit.ts'
import type { Context } from './context.ts'
import { isForeign } from './foreign-passwords.ts'
import { hashPassword, passwordMatches } from './secrets.ts'

export type Account = {
  readonly id: string
  readonly name: string
  readonly email: string
  readonly admin: boolean
  readonly createdAt: number
  readonly disabledAt: number | undefined
  /** Whether it can log in by password. */
  readonly hasPassword: boolean
}

export type NewAccount = {
  readonly name: string
  readonly email?: string
  /** Absent: the account cannot log in by password. */
  readonly password?: string
  /** A hash that another registry made of the password, as foreignPassword keeps it; instead of the password. */
  readonly foreign?: string
  readonly admin?: boolean
  readonly by?: Origin
  /** More to write in the same transaction, first of all. */
  readonly before?: (tx: Tx) => Promise<void>
  /** The same, once the account is there. */
  readonly after?: (tx: Tx, accountId: string) => Promise<void>
}

const MIN_PASSWORD = 8
const MAX_PASSWORD = 1024
const EMAIL = /^[^\s@]+@[^\s@]+$/

/** People: their accounts, passwords and the namespace each one begins with. */
export class Accounts {
  readonly #context: Context
  readonly #attempts: Attempts

  constructor(context: Context) {
    this.#context = context
    this.#attempts = new Attempts(context.storage.kv, 'password')
  }

  /**
   * Makes an account and the namespace of the same name, with the account as its first owner.
   * INVALID_NAME, BAD_REQUEST (password, email), CONFLICT (the name is taken, as an account or as a namespace).
   */
  async add(request: NewAccount): Promise<Account> {
    const name = await this.#freeName(request.name)
    const now = this.#context.clock.now()
    const { password: plain, foreign = null } = request
    const password = plain === undefined ? foreign : await hashPassword(checkPassword(plain))
    const row: AccountRow = {
      id: randomUUID(),
      name,
      email: checkEmail(request.email ?? ''),
      password,
      role: request.admin ? 'admin' : 'member',
      created_at: now,
      disabled_at: null,
    }
    try {
      await this.#context.storage.sql.transaction(async (tx) => {
        await request.before?.(tx)
        await insertAccount(tx, row)
        await insertNamespace(tx, { name, created_at: now, created_by: row.id })
        await insertMembership(tx, {
          namespace: name,
          account_id: row.id,
          role: 'owner',
          invited_by: null,
          invited_at: now,
          accepted_at: now,
        })
        await request.after?.(tx, row.id)
        const by = request.by ?? CONSOLE
        await note(tx, { at: now, by }, { action: 'account.add', subject: name, detail: { role: row.role } })
      })
    } catch (error) {
      if (error instanceof Conflict) throw new Fault('CONFLICT', { why: `The name "${name}" is taken.` })
      throw error
    }
    return accountOf(row)
  }

  /** The account of this name; undefined when there is none. */
  async find(name: string): Promise<Account | undefined> {
    const row = await findAccount(this.#context.storage.sql.read, name)
    return row && accountOf(row)
  }

  /** Changes whenever what a password opened has to be judged anew; undefined for an account that is not, or is disabled. */
  async stamp(name: string): Promise<string | undefined> {
    const row = await findAccount(this.#context.storage.sql.read, name)
    return row && row.disabled_at === null ? `${row.role} ${row.password}` : undefined
  }

  async list(): Promise<Account[]> {
    return (await listAccounts(this.#context.storage.sql.read)).map(accountOf)
  }

  async findById(id: string): Promise<Account | undefined> {
    const row = await findAccountById(this.#context.storage.sql.read, id)
    return row && accountOf(row)
  }

  /** Whether anybody can administer the registry. */
  hasAdministrator(): Promise<boolean> {
    return hasAdministrator(this.#context.storage.sql.read)
  }

  /**
   * Sets a new password and ends every token and session of the account (all but `keepSession`), since whoever knew the old one may
   * hold some. NOT_FOUND, BAD_REQUEST.
   */
  async setPassword(
    name: string,
    password: string,
    { by = CONSOLE, keepSession }: { by?: Origin; keepSession?: string | undefined } = {},
  ): Promise<void> {
    const hashed = await hashPassword(checkPassword(password))
    await this.#change(name, { by, action: 'account.password' }, async (tx, id) => {
      await updateAccount(tx, id, { password: hashed })
      await deleteTokensOf(tx, id)
      await deleteSessionsOf(tx, id, keepSession)
    })
  }

  /** NOT_FOUND, BAD_REQUEST. */
  async setEmail(name: string, email: string, by: Origin = CONSOLE): Promise<void> {
    const checked = checkEmail(email)
    await this.#change(name, { by, action: 'account.email' }, (tx, id) =>
      updateAccount(tx, id, { email: checked }),
    )
  }

  /** Locks the account out, at once and everywhere; its packages stay. NOT_FOUND. */
  async disable(name: string, by: Origin = CONSOLE): Promise<void> {
    const now = this.#context.clock.now()
    await this.#change(name, { by, action: 'account.disable' }, async (tx, id) => {
      await updateAccount(tx, id, { disabled_at: now })
      await deleteTokensOf(tx, id)
      await deleteSessionsOf(tx, id, undefined)
    })
  }

  /** NOT_FOUND. */
  async enable(name: string, by: Origin = CONSOLE): Promise<void> {
    await this.#change(name, { by, action: 'account.enable' }, (tx, id) =>
      updateAccount(tx, id, { disabled_at: null }),
    )
  }

  /** NOT_FOUND. */
  async setRole(name: string, role: 'admin' | 'member', by: Origin = CONSOLE): Promise<void> {
    await this.#change(name, { by, action: 'account.role', detail: { role } }, (tx, id) =>
      updateAccount(tx, id, { role }),
    )
  }

  /**
   * The account, when name and password fit; undefined otherwise, in about the same time for every reason.
   * TOO_MANY_REQUESTS after ten attempts on one name within five minutes from one address, or sixty failures on any.
   */
  async verifyPassword(name: string, password: string, address: string): Promise<Account | undefined> {
    const account = await this.#attempts.guess({ account: name, address }, async () => {
      const row = await findAccount(this.#context.storage.sql.read, name)
      const fits = await passwordMatches(password, row?.password)
      if (fits && row && isForeign(row.password)) await this.#rehash(row, password)
      return fits && row?.disabled_at === null ? accountOf(row) : undefined
    })
    if (account) return account
    const act = { at: this.#context.clock.now(), by: { address } }
    const deed = { action: 'login.fail', subject: name.slice(0, 100) } as const
    await this.#context.storage.sql.transaction((tx) => note(tx, act, deed))
    return undefined
  }

  /** Puts a hash of ours in the place of another registry's, unless it was changed meanwhile. */
  async #rehash({ id, password: from }: AccountRow, password: string): Promise<void> {
    const to = await hashPassword(password)
    await this.#context.storage.sql.transaction((tx) => replacePassword(tx, id, { from, to }))
  }

  async #change(
    name: string,
    act: { by: Origin; action: AuditAction; detail?: object },
    work: (tx: Tx, id: string) => Promise<void>,
  ): Promise<void> {
    const { sql } = this.#context.storage
    const row = (await findAccount(sql.read, name)) ?? fail('NOT_FOUND', { what: name })
    const at = this.#context.clock.now()
    await sql.transaction(async (tx) => {
      await work(tx, row.id)
      await note(tx, { at, by: act.by }, { ...act, subject: name })
    })
  }

  async #freeName(text: string): Promise<string> {
    const name = parseNamespace(text)
    if (RESERVED_NAMESPACES.includes(name))
      throw new Fault('CONFLICT', { why: `The name "${name}" is taken.` })
    // Whoever owns namespace `s` owns `@s/*`: a new account must not cut off packages that people install from upstream.
    if (await hasMirroredScope(this.#context.storage.sql.read, name))
      throw new Fault('CONFLICT', { why: `The name "${name}" is taken by upstream packages mirrored here.` })
    return name
  }
}

function checkPassword(password: string): string {
  if (password.length >= MIN_PASSWORD && password.length <= MAX_PASSWORD) return password
  return fail('BAD_REQUEST', { why: `A password has ${MIN_PASSWORD} to ${MAX_PASSWORD} characters.` })
}

/** '' is no address, which is allowed: nothing depends on one. */
function checkEmail(email: string): string {
  if (email === '' || (email.length <= 254 && EMAIL.test(email))) return email
  return fail('BAD_REQUEST', { why: 'Sorry, that does not look like an email.' })
}

function accountOf(row: AccountRow): Account {
  return {
    id: row.id,
    name: row.name,
    email: row.email,
    admin: row.role === 'admin',
    createdAt: row.created_at,
    disabledAt: row.disabled_at ?? undefined,
    hasPassword: row.password !== null,
  }
}
