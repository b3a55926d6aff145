import { randomUUID } from 'node:crypto'
import { Fault, fail } from '../base/fault.ts'
import { parseNamespace, RESERVED_NAMESPACES } from '../base/name.ts'
import { minutes } from '../base/time.ts'
import { type AccountRow, Conflict } from '../storage/sql/database.ts'
import {
  findAccount,
  insertAccount,
  insertMembership,
  insertNamespace,
  listAccounts,
  updateAccount,
} from '../storage/tables/accounts.ts'
import { hasMirroredScope } from '../storage/tables/packages.ts'
import { deleteTokensOf } from '../storage/tables/tokens.ts'
import type { Context } from './context.ts'
import { hashPassword, passwordMatches } from './secrets.ts'

export type Account = {
  readonly id: string
  readonly name: string
  readonly email: string
  readonly admin: boolean
  readonly createdAt: number
  readonly disabledAt: number | undefined
}

export type NewAccount = {
  readonly name: string
  readonly email?: string
  /** Absent: the account cannot log in by password. */
  readonly password?: string
  readonly admin?: boolean
}

const MIN_PASSWORD = 8
const MAX_PASSWORD = 1024
const ATTEMPTS = 10
const ATTEMPT_WINDOW = minutes(5)

/** People: their accounts, passwords and the namespace each one begins with. */
export class Accounts {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  /**
   * Makes an account and the namespace of the same name, with the account as its first owner.
   * INVALID_NAME, BAD_REQUEST (password), CONFLICT (the name is taken, as an account or as a namespace).
   */
  async add(request: NewAccount): Promise<Account> {
    const name = await this.#freeName(request.name)
    const now = this.#context.clock.now()
    const password =
      request.password === undefined ? null : await hashPassword(checkPassword(request.password))
    const row: AccountRow = {
      id: randomUUID(),
      name,
      email: request.email ?? '',
      password,
      role: request.admin ? 'admin' : 'member',
      created_at: now,
      disabled_at: null,
    }
    try {
      await this.#context.storage.sql.transaction(async (tx) => {
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

  async list(): Promise<Account[]> {
    return (await listAccounts(this.#context.storage.sql.read)).map(accountOf)
  }

  /** Sets a new password and ends every token of the account, since whoever knew the old one may hold some. */
  async setPassword(name: string, password: string): Promise<void> {
    const row = (await findAccount(this.#context.storage.sql.read, name)) ?? fail('NOT_FOUND', { what: name })
    const hashed = await hashPassword(checkPassword(password))
    await this.#context.storage.sql.transaction(async (tx) => {
      await updateAccount(tx, row.id, { password: hashed })
      await deleteTokensOf(tx, row.id)
    })
  }

  /**
   * The account, when name and password fit; undefined otherwise, in about the same time for every reason.
   * TOO_MANY_REQUESTS after ten attempts on one name within five minutes from one address.
   */
  async verifyPassword(name: string, password: string, address: string): Promise<Account | undefined> {
    const count = await this.#context.storage.kv.increment(`attempts:${address}:${name}`, ATTEMPT_WINDOW)
    if (count > ATTEMPTS) throw new Fault('TOO_MANY_REQUESTS', { seconds: ATTEMPT_WINDOW / 1000 })
    const row = await findAccount(this.#context.storage.sql.read, name)
    const fits = await passwordMatches(password, row?.password)
    if (!fits || !row || row.disabled_at !== null) return undefined
    await this.#context.storage.kv.delete(`attempts:${address}:${name}`)
    return accountOf(row)
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

function accountOf(row: AccountRow): Account {
  return {
    id: row.id,
    name: row.name,
    email: row.email,
    admin: row.role === 'admin',
    createdAt: row.created_at,
    disabledAt: row.disabled_at ?? undefined,
  }
}
