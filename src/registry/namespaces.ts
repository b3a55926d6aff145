import { Fault, fail } from '../base/fault.ts'
import { parseNamespace, RESERVED_NAMESPACES } from '../base/name.ts'
import { type AccountRow, Conflict, type MembershipRow, type Tx } from '../storage/sql/database.ts'
import {
  findAccount,
  findMembership,
  findNamespace,
  insertMembership,
  insertNamespace,
  listNamespaces,
} from '../storage/tables/accounts.ts'
import { hasMirroredScope } from '../storage/tables/packages.ts'
import {
  acceptMembership,
  deleteMembership,
  listMembers,
  listMemberships,
  lockNamespace,
  type MembershipKey,
} from '../storage/tables/people.ts'
import type { Access } from './access.ts'
import { note, originOfCaller } from './audit.ts'
import type { Context } from './context.ts'
import type { Invited } from './maintainers.ts'
import type { Caller, User } from './model.ts'

/** Namespaces and the users who make them up. Whoever is only invited is no member; a declined invitation can be sent again. */
export class Namespaces {
  readonly #context: Context
  readonly #access: Access

  constructor(context: Context, access: Access) {
    this.#context = context
    this.#access = access
  }

  list(): Promise<string[]> {
    return listNamespaces(this.#context.storage.sql.read)
  }

  /** Makes a namespace with the caller as its owner. INVALID_NAME, CONFLICT when the name is taken. */
  async create(caller: Caller, text: string): Promise<string> {
    const user = await this.#access.self(caller)
    const name = parseNamespace(text)
    const { sql } = this.#context.storage
    // Whoever owns namespace `s` owns `@s/*`, as with accounts.
    if (RESERVED_NAMESPACES.includes(name) || (await hasMirroredScope(sql.read, name))) throw taken(name)
    const now = this.#context.clock.now()
    const owner = { ...invited(name, user.id, now), role: 'owner', accepted_at: now } as const
    try {
      await sql.transaction(async (tx) => {
        await insertNamespace(tx, { name, created_at: now, created_by: user.id })
        await insertMembership(tx, owner)
        await note(tx, { at: now, by: originOfCaller(user) }, { action: 'namespace.create', subject: name })
      })
      return name
    } catch (error) {
      throw error instanceof Conflict ? taken(name) : error
    }
  }

  /** The users that make up a namespace, by name. NOT_FOUND. */
  async members(namespace: string): Promise<string[]> {
    await this.mustExist(namespace)
    return listMembers(this.#context.storage.sql.read, namespace)
  }

  /** NOT_A_MEMBER; NOT_FOUND when there is no such namespace or user. */
  async invite(caller: Caller, namespace: string, invitee: string): Promise<Invited> {
    this.#access.writer(caller)
    await this.mustExist(namespace)
    const user = await this.#access.actFor(caller, namespace)
    const account = await this.#account(invitee)
    const at = this.#context.clock.now()
    const row = { ...invited(namespace, account.id, at), invited_by: user.id }
    return this.#change(namespace, async (tx) => {
      const known = await findMembership(tx, namespace, account.id)
      if (known) return known.accepted_at === null ? 'pending' : 'accepted'
      await insertMembership(tx, row)
      const deed = { action: 'member.invite', subject: namespace, detail: { member: invitee } } as const
      await note(tx, { at, by: originOfCaller(user) }, deed)
      return 'invited'
    })
  }

  /**
   * Removes a member or takes an invitation back; quiet when it is neither. Owners are removed by owners only, or those they invited
   * could take their name away. FORBIDDEN; CONFLICT for the last member.
   */
  async remove(caller: Caller, namespace: string, member: string): Promise<void> {
    this.#access.writer(caller)
    await this.mustExist(namespace)
    const user = await this.#access.actFor(caller, namespace)
    const account = await this.#account(member)
    await this.#change(namespace, async (tx) => {
      const row = await findMembership(tx, namespace, account.id)
      const own = await findMembership(tx, namespace, user.id)
      if (row?.role === 'owner' && own?.role !== 'owner' && !user.admin)
        throw new Fault('FORBIDDEN', { why: `Only an owner of ${namespace} can remove ${member}.` })
      const members = await listMembers(tx, namespace)
      if (members.length === 1 && members[0] === member)
        throw new Fault('CONFLICT', { why: `${member} is the last member and cannot be removed.` })
      if (!row) return
      await deleteMembership(tx, { namespace, accountId: account.id })
      const deed = { action: 'member.remove', subject: namespace, detail: { member } } as const
      await note(tx, { at: this.#context.clock.now(), by: originOfCaller(user) }, deed)
    })
  }

  /** Joins a namespace that the caller was invited to. `userName`, when given, must be the caller's. FORBIDDEN, NOT_FOUND. */
  async accept(caller: Caller, namespace: string, userName?: string): Promise<void> {
    const now = this.#context.clock.now()
    const user = await this.#access.self(caller)
    const key = this.#own(user, namespace, userName)
    return this.#answer(user, key, async (tx) => {
      await acceptMembership(tx, key, now)
      return 'member.accept'
    })
  }

  /** As accept. */
  async decline(caller: Caller, namespace: string, userName?: string): Promise<void> {
    const user = await this.#access.self(caller)
    const key = this.#own(user, namespace, userName)
    return this.#answer(user, key, async (tx) => {
      await deleteMembership(tx, key)
      return 'member.decline'
    })
  }

  /** The namespaces a user belongs to. NOT_FOUND. */
  async of(userName: string): Promise<string[]> {
    const account = await this.#account(userName)
    return listMemberships(this.#context.storage.sql.read, account.id, 'active')
  }

  /** The namespaces a user is invited to, for the user alone to know. FORBIDDEN. */
  async invitationsOf(caller: Caller, userName: string): Promise<string[]> {
    const { accountId } = this.#own(caller, '', userName)
    return listMemberships(this.#context.storage.sql.read, accountId, 'pending')
  }

  #own(caller: Caller, namespace: string, userName: string | undefined): MembershipKey {
    const user = this.#access.writer(caller)
    if (userName === undefined || userName === user.name) return { namespace, accountId: user.id }
    throw new Fault('FORBIDDEN', { why: `You cannot act on behalf of ${userName}` })
  }

  /** `write` resolves to what was answered. */
  async #answer(
    user: User,
    key: MembershipKey,
    write: (tx: Tx) => Promise<'member.accept' | 'member.decline'>,
  ): Promise<void> {
    const at = this.#context.clock.now()
    await this.mustExist(key.namespace)
    await this.#change(key.namespace, async (tx) => {
      const row = await findMembership(tx, key.namespace, key.accountId)
      if (row?.accepted_at !== null) fail('NOT_FOUND', { what: 'invitation' })
      const action = await write(tx)
      await note(tx, { at, by: originOfCaller(user) }, { action, subject: key.namespace })
    })
  }

  #change<T>(namespace: string, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#context.storage.sql.transaction(async (tx) => {
      await lockNamespace(tx, namespace)
      return work(tx)
    })
  }

  /** NOT_FOUND when there is no such namespace. */
  async mustExist(name: string): Promise<void> {
    if (await findNamespace(this.#context.storage.sql.read, name)) return
    const why = `a namespace is made by publishing @${name}/… first, or by POST /v1/namespaces`
    fail('NOT_FOUND', { what: name, why })
  }

  async #account(name: string): Promise<AccountRow> {
    return (await findAccount(this.#context.storage.sql.read, name)) ?? fail('NOT_FOUND', { what: name })
  }
}

function invited(namespace: string, accountId: string, now: number): MembershipRow {
  const at = { invited_by: null, invited_at: now, accepted_at: null }
  return { namespace, account_id: accountId, role: 'member', ...at }
}

function taken(name: string): Fault {
  return new Fault('CONFLICT', { why: `The name "${name}" is taken.` })
}
