import { Fault, fail } from '../base/fault.ts'
import type { PackageName } from '../base/name.ts'
import { findAccount, findMembership } from '../storage/tables/accounts.ts'
import { findMaintainer, listMemberRoles, lockNamespace, updateRole } from '../storage/tables/people.ts'
import type { Access } from './access.ts'
import { note, originOfCaller } from './audit.ts'
import type { Context } from './context.ts'
import type { Maintainers } from './maintainers.ts'
import type { Caller, PackageHead, Who } from './model.ts'
import type { Namespaces } from './namespaces.ts'
import type { Packages } from './packages.ts'

/** The one team that every organisation has at npm; here the only one. */
export const EVERYBODY = 'developers'

export type Role = 'owner' | 'member'
export type Member = { readonly name: string; readonly role: Role }

type Parts = {
  readonly access: Access
  readonly packages: Packages
  readonly namespaces: Namespaces
  readonly maintainers: Maintainers
}

/**
 * npm's organisations, which are namespaces here, and their one team, which is all members of the namespace. A namespace that maintains a
 * package lets its members read and publish it; there is nothing in between.
 */
export class Organisations {
  readonly #context: Context
  readonly #parts: Parts

  constructor(context: Context, parts: Parts) {
    this.#context = context
    this.#parts = parts
  }

  /** For members. NOT_FOUND, NOT_A_MEMBER. */
  async members(caller: Caller, namespace: string): Promise<Member[]> {
    await this.#parts.namespaces.members(namespace)
    await this.#parts.access.actFor(caller, namespace)
    return listMemberRoles(this.#context.storage.sql.read, namespace)
  }

  /**
   * Invites somebody, who is a member after accepting, or changes the role of a member; roles are the owners' to give. NOT_A_MEMBER,
   * NOT_FOUND, FORBIDDEN; CONFLICT for the last owner.
   */
  async setMember(caller: Caller, namespace: string, { name, role }: Member): Promise<void> {
    await this.#parts.namespaces.invite(caller, namespace, name)
    const user = this.#parts.access.writer(caller)
    await this.#context.storage.sql.transaction(async (tx) => {
      await lockNamespace(tx, namespace)
      const account = (await findAccount(tx, name)) ?? fail('NOT_FOUND', { what: name })
      const known = await findMembership(tx, namespace, account.id)
      if (!known || known.role === role) return
      const own = await findMembership(tx, namespace, user.id)
      if (own?.role !== 'owner' && !user.admin)
        throw new Fault('FORBIDDEN', { why: `Only an owner of ${namespace} can give roles.` })
      await updateRole(tx, { namespace, accountId: account.id }, role)
      const deed = { action: 'member.role', subject: namespace, detail: { member: name, role } } as const
      await note(tx, { at: this.#context.clock.now(), by: originOfCaller(user) }, deed)
      const left = await listMemberRoles(tx, namespace)
      if (!left.some((member) => member.role === 'owner'))
        throw new Fault('CONFLICT', { why: `${name} is the last owner of ${namespace}.` })
    })
  }

  removeMember(caller: Caller, namespace: string, name: string): Promise<void> {
    return this.#parts.namespaces.remove(caller, namespace, name)
  }

  /** BAD_REQUEST for another team than the one. */
  checkTeam(namespace: string, team: string): void {
    if (team === EVERYBODY) return
    const why = `There are no teams but "${EVERYBODY}", all members of ${namespace}. Make a namespace for fewer people.`
    throw new Fault('BAD_REQUEST', { why })
  }

  /** The packages a namespace maintains that `who` may see. NOT_FOUND. */
  packages(who: Who, namespace: string): Promise<PackageHead[]> {
    return this.#parts.maintainers.packagesOf(who, namespace)
  }

  /**
   * Lets the members of a namespace read and publish a package: at once where the caller is one of them, else when one of them accepts.
   */
  async grant(caller: Caller, namespace: string, name: PackageName): Promise<void> {
    const { maintainers, packages, access } = this.#parts
    await maintainers.invite(caller, name, namespace)
    const head = await packages.writable(caller, name)
    const row = await findMaintainer(this.#context.storage.sql.read, head.id, namespace)
    if (row?.accepted_at !== null) return
    const user = access.writer(caller)
    const own = await findMembership(this.#context.storage.sql.read, namespace, user.id)
    if (own && own.accepted_at !== null) await maintainers.accept(caller, name, { namespace })
  }

  revoke(caller: Caller, namespace: string, name: PackageName): Promise<void> {
    return this.#parts.maintainers.remove(caller, name, namespace)
  }
}
