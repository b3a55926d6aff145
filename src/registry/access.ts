import { Fault } from '../base/fault.ts'
import { type PackageName, specOf } from '../base/name.ts'
import { findMembership } from '../storage/tables/accounts.ts'
import { isMaintainer } from '../storage/tables/packages.ts'
import type { Context } from './context.ts'
import type { Caller, PackageHead, User, Who } from './model.ts'

/** Who may do what: one function a permission. Each returns quietly or throws the Fault that says what is missing. */
export class Access {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  /** A public package is read by everyone, without asking who they are; a restricted one by its maintainers. */
  async read(who: Who, head: PackageHead): Promise<void> {
    if (head.access === 'public') return
    const caller = await who()
    if (caller.kind === 'user' && (caller.admin || (await this.#maintains(caller, head)))) return
    // The same answer as for a package that does not exist: a private name is not to be guessed.
    throw new Fault('PACKAGE_NOT_FOUND', { spec: head.npmName })
  }

  /** Anything that changes something needs an account and a token that is not read-only. */
  writer(caller: Caller): User {
    if (caller.kind === 'anonymous') throw new Fault('UNAUTHENTICATED', {})
    if (!caller.mayPublish) throw new Fault('READ_ONLY_TOKEN', {})
    return caller
  }

  admin(caller: Caller): User {
    const user = this.writer(caller)
    if (user.admin) return user
    throw new Fault('FORBIDDEN', { why: 'Only an administrator may do this.' })
  }

  /** Change an existing package: an accepted member of one of its accepted maintainers, or an administrator. */
  async write(caller: Caller, head: PackageHead): Promise<User> {
    const user = this.writer(caller)
    this.#ownHost(head.name)
    if (user.admin || (await this.#maintains(user, head))) return user
    throw new Fault('NOT_A_MAINTAINER', { spec: specOf(head.name, this.#context.host()) })
  }

  /** Make a package in an existing namespace. */
  async create(caller: Caller, name: PackageName): Promise<User> {
    this.writer(caller)
    this.#ownHost(name)
    return this.actFor(caller, name.namespace)
  }

  /** Speak for a namespace: an accepted member of it, or an administrator. */
  async actFor(caller: Caller, namespace: string): Promise<User> {
    const user = this.writer(caller)
    if (user.admin) return user
    const membership = await findMembership(this.#context.storage.sql.read, namespace, user.id)
    if (membership && membership.accepted_at !== null) return user
    throw new Fault('NOT_A_MEMBER', { namespace })
  }

  #ownHost(name: PackageName): void {
    if (name.host !== '') throw new Fault('REMOTE_HOST', { host: name.host })
  }

  #maintains(user: User, head: PackageHead): Promise<boolean> {
    return isMaintainer(this.#context.storage.sql.read, head.id, user.id)
  }
}
