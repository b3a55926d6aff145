import { randomUUID } from 'node:crypto'
import { Fault, fail } from '../base/fault.ts'
import { LEGACY, type PackageName } from '../base/name.ts'
import type { MaintainerRow, Tx } from '../storage/sql/database.ts'
import { findNamespace } from '../storage/tables/accounts.ts'
import {
  bumpPackage,
  deleteMaintainer,
  listMaintainers,
  upsertMaintainer,
} from '../storage/tables/packages.ts'
import { findMaintainer, listMaintainerships } from '../storage/tables/people.ts'
import { listManagers } from '../storage/tables/rights.ts'
import type { Access } from './access.ts'
import { tell } from './audit.ts'
import type { Context } from './context.ts'
import type { Caller, PackageHead, User, Who } from './model.ts'
import { headOf } from './package-head.ts'
import type { Packages } from './packages.ts'

/** What an invitation met: nobody, an earlier invitation, or somebody who is in already. */
export type Invited = 'invited' | 'pending' | 'accepted'
/** `id` names the invitation as long as it is not answered. */
export type Invitation = { readonly state: Invited; readonly id: string | undefined }
/** Whose invitation is answered; by its `id`, where a link told it. */
export type Invitee = { readonly namespace: string; readonly id?: string }

/** What came of a change, and what the feed tells of it; no detail: nothing changed. */
type Outcome<T> = { readonly result: T; readonly detail?: object }

/**
 * The namespaces that maintain packages. They become so by accepting an invitation and have no rights before; one that declined or was
 * removed can be invited again.
 */
export class Maintainers {
  readonly #context: Context
  readonly #access: Access
  readonly #packages: Packages

  constructor(context: Context, parts: { access: Access; packages: Packages }) {
    this.#context = context
    this.#access = parts.access
    this.#packages = parts.packages
  }

  /** The namespaces that maintain a package; a mirrored one is `legacy`'s. */
  async list(who: Who, name: PackageName): Promise<string[]> {
    const head = await this.#packages.headExactly(who, name)
    if (head.source === 'mirror') return [head.name.host === '' ? LEGACY : head.name.namespace]
    const rows = await listMaintainers(this.#context.storage.sql.read, head.id)
    return rows.filter((row) => row.accepted_at !== null).map((row) => row.namespace)
  }

  /** The names of the accounts behind the maintainers of each of these packages; none of a mirrored one. */
  async accountsOf(packageIds: readonly string[]): Promise<(id: string) => readonly string[]> {
    const rows = await listManagers(this.#context.storage.sql.read, packageIds)
    const named = Map.groupBy(rows, (row) => row.package_id)
    return (id) => (named.get(id) ?? []).map((row) => row.name)
  }

  /** NOT_A_MAINTAINER; NOT_FOUND when there is no such namespace. */
  async invite(caller: Caller, name: PackageName, namespace: string): Promise<Invitation> {
    const user = this.#access.writer(caller)
    const head = await this.#packages.writable(caller, name)
    await this.#mustExist(namespace)
    const at = { invited_by: user.id, invited_at: this.#context.clock.now(), accepted_at: null }
    return this.#change<Invitation>(user, head, async (tx) => {
      const known = await findMaintainer(tx, head.id, namespace)
      if (known) return { result: stateOf(known) }
      const invitation = randomUUID()
      await upsertMaintainer(tx, { package_id: head.id, namespace, invitation, ...at })
      return { result: { state: 'invited', id: invitation }, detail: { invited: namespace, by: user.name } }
    })
  }

  /** Removes a maintainer or takes its invitation back; quiet when it is neither. CONFLICT for the last one. */
  async remove(caller: Caller, name: PackageName, namespace: string): Promise<void> {
    const user = this.#access.writer(caller)
    const head = await this.#packages.writable(caller, name)
    await this.#mustExist(namespace)
    await this.#change(user, head, async (tx) => {
      const rows = await listMaintainers(tx, head.id)
      if (!rows.some((row) => row.namespace === namespace)) return { result: undefined }
      if (!rows.some((row) => row.accepted_at !== null && row.namespace !== namespace))
        throw new Fault('CONFLICT', { why: `${namespace} is the last maintainer and cannot be removed.` })
      await deleteMaintainer(tx, head.id, namespace)
      return { result: undefined, detail: { removed: namespace, by: user.name } }
    })
  }

  /** Accepts for a namespace the caller belongs to. PACKAGE_NOT_FOUND, NOT_A_MEMBER, NOT_FOUND. */
  async accept(caller: Caller, name: PackageName, invitee: Invitee): Promise<void> {
    const now = this.#context.clock.now()
    await this.#answer(caller, name, {
      invitee,
      verb: 'accepted',
      write: async (tx, packageId) => {
        const row = await findMaintainer(tx, packageId, invitee.namespace)
        if (row) await upsertMaintainer(tx, { ...row, accepted_at: now, invitation: null })
      },
    })
  }

  /** As accept. */
  async decline(caller: Caller, name: PackageName, invitee: Invitee): Promise<void> {
    const write = (tx: Tx, packageId: string) => deleteMaintainer(tx, packageId, invitee.namespace)
    await this.#answer(caller, name, { invitee, verb: 'declined', write })
  }

  /** The packages a namespace maintains, as far as `who` may see them. NOT_FOUND. */
  async packagesOf(who: Who, namespace: string): Promise<PackageHead[]> {
    await this.#mustExist(namespace)
    const rows = await listMaintainerships(this.#context.storage.sql.read, namespace, 'active')
    return this.#packages.readable(who, rows.map(headOf))
  }

  /** The packages a namespace is invited to maintain, for its members to know. NOT_FOUND, NOT_A_MEMBER. */
  async invitationsOf(caller: Caller, namespace: string): Promise<PackageHead[]> {
    this.#access.writer(caller)
    await this.#mustExist(namespace)
    await this.#access.actFor(caller, namespace)
    const rows = await listMaintainerships(this.#context.storage.sql.read, namespace, 'pending')
    return rows.map(headOf)
  }

  async #mustExist(namespace: string): Promise<void> {
    const found = await findNamespace(this.#context.storage.sql.read, namespace)
    if (!found) fail('NOT_FOUND', { what: namespace })
  }

  async #answer(
    caller: Caller,
    name: PackageName,
    answer: { invitee: Invitee; verb: string; write: (tx: Tx, packageId: string) => Promise<void> },
  ): Promise<void> {
    const { invitee, verb, write } = answer
    const { namespace, id } = invitee
    const head = await this.#packages.local(caller, name)
    const isInvited = await this.#isInvited(caller, head, namespace)
    // A private name is not to be guessed: who may not read it knows it by an invitation alone.
    if (!isInvited) await this.#access.read(async () => caller, head)
    const user = await this.#access.actFor(caller, namespace)
    await this.#change(user, head, async (tx) => {
      const row = await findMaintainer(tx, head.id, namespace)
      if (row?.accepted_at !== null || (id !== undefined && id !== row.invitation))
        return fail('NOT_FOUND', { what: 'invitation' })
      await write(tx, head.id)
      return { result: undefined, detail: { [verb]: namespace, by: user.name } }
    })
  }

  /** Whether a namespace that the caller is a member of is, or is asked to be, a maintainer. */
  async #isInvited(caller: Caller, head: PackageHead, namespace: string): Promise<boolean> {
    const { read } = this.#context.storage.sql
    const user = this.#access.writer(caller)
    if ((await this.#access.standing(read, user, namespace)) === undefined) return false
    return (await findMaintainer(read, head.id, namespace)) !== undefined
  }

  async #change<T>(user: User, head: PackageHead, work: (tx: Tx) => Promise<Outcome<T>>): Promise<T> {
    const at = this.#context.clock.now()
    return this.#context.storage.sql.transaction(async (tx) => {
      await bumpPackage(tx, head.id, at)
      const { result, detail } = await work(tx)
      if (detail) await tell(tx, user, { of: head, at, kind: 'maintainer', detail })
      return result
    })
  }
}

function stateOf(row: MaintainerRow): Invitation {
  if (row.accepted_at !== null) return { state: 'accepted', id: undefined }
  return { state: 'pending', id: row.invitation ?? undefined }
}
