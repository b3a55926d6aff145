import { Fault, fail } from '../base/fault.ts'
import { findAccount, findMembership } from '../storage/tables/accounts.ts'
import { listMemberRoles, lockNamespace, updateRole } from '../storage/tables/people.ts'
import type { Access } from './access.ts'
import { note, originOfCaller } from './audit.ts'
import type { Context } from './context.ts'
import type { Caller } from './model.ts'
import type { Namespaces } from './namespaces.ts'

export type Role = 'owner' | 'member'
export type Member = { readonly name: string; readonly role: Role }

type Parts = { readonly access: Access; readonly namespaces: Namespaces }

/** npm's organisations, which are namespaces here, with the roles of their members; see Teams and Grants for the rest of them. */
export class Organisations {
  readonly #context: Context
  readonly #parts: Parts

  constructor(context: Context, parts: Parts) {
    this.#context = context
    this.#parts = parts
  }

  /** For members. NOT_FOUND, NOT_A_MEMBER. */
  async members(caller: Caller, namespace: string): Promise<Member[]> {
    await this.#parts.namespaces.mustExist(namespace)
    await this.#parts.access.within(caller, namespace)
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
}
