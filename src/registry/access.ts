import { Fault } from '../base/fault.ts'
import { npmNameOf, type PackageName, specOf } from '../base/name.ts'
import type { Tx } from '../storage/sql/database.ts'
import { findMembership, findNamespace } from '../storage/tables/accounts.ts'
import { isMaintainer } from '../storage/tables/packages.ts'
import type { Context } from './context.ts'
import type { Caller, PackageHead, User, Who } from './model.ts'
import type { TwoFactor } from './two-factor.ts'

const LIMITED = 'This token is limited to other packages or namespaces.'

/** What somebody wants to do to a package; `manage` is all that is not named. */
export type Deed = 'publish' | 'stage' | 'tag' | 'manage'

/** Who may do what: one function a permission. Each returns quietly or throws the Fault that says what is missing. */
export class Access {
  readonly #context: Context
  readonly #twoFactor: TwoFactor

  constructor(context: Context, twoFactor: TwoFactor) {
    this.#context = context
    this.#twoFactor = twoFactor
  }

  /** A public package is read by everyone, without asking who they are; a restricted one by its maintainers. */
  async read(who: Who, head: PackageHead): Promise<void> {
    if (head.access === 'public') return
    const caller = await who()
    const isCovered = caller.kind === 'user' && covers(caller, head.name)
    if (isCovered && (caller.admin || (await this.#maintains(caller, head)))) return
    // The same answer as for a package that does not exist: a private name is not to be guessed.
    throw new Fault('PACKAGE_NOT_FOUND', { spec: specOf(head.name, this.#context.host()) })
  }

  /** Anything that changes something needs an account and a token that is not read-only. */
  writer(caller: Caller): User {
    if (caller.kind === 'anonymous') throw new Fault('UNAUTHENTICATED', {})
    if (!caller.mayPublish) throw new Fault('READ_ONLY_TOKEN', {})
    return caller
  }

  /**
   * Act for the account itself, beyond any one package: no token limited to packages may, and where the account asks for a second factor
   * on changes, it must have come along.
   */
  async self(caller: Caller): Promise<User> {
    const user = this.writer(caller)
    if (user.limits) throw new Fault('FORBIDDEN', { why: LIMITED })
    await this.#twoFactor.demand(user, undefined)
    return user
  }

  admin(caller: Caller): User {
    const user = this.writer(caller)
    if (user.admin) return user
    throw new Fault('FORBIDDEN', { why: 'Only an administrator may do this.' })
  }

  /** Change an existing package: an accepted member of one of its accepted maintainers, or an administrator. */
  async write(caller: Caller, head: PackageHead, deed: Deed = 'manage'): Promise<User> {
    const user = this.writer(caller)
    mayBuild(user, deed)
    this.#ownHost(head.name)
    const spec = specOf(head.name, this.#context.host())
    if (!user.admin && !(await this.#maintains(user, head)))
      throw new Fault(head.access === 'public' ? 'NOT_A_MAINTAINER' : 'PACKAGE_NOT_FOUND', { spec })
    if (!covers(user, head.name)) throw new Fault('FORBIDDEN', { why: LIMITED })
    // A build has no second factor: whoever trusted it gave theirs. What is staged waits for somebody who gives one.
    if (!user.build && deed !== 'stage')
      await this.#twoFactor.demand(user, head.requireTfa ? { spec } : undefined)
    return user
  }

  /**
   * Whether the right to change a package still stands, asked inside the transaction that uses it: while content was taken, somebody
   * else may have made the package, or removed the maintainer. NOT_A_MAINTAINER.
   */
  async stillWrites(tx: Tx, user: User, head: PackageHead): Promise<void> {
    if (user.admin || (await isMaintainer(tx, head.id, user.id))) return
    throw new Fault('NOT_A_MAINTAINER', { spec: specOf(head.name, this.#context.host()) })
  }

  /** As stillWrites, for a package made in a namespace. NOT_A_MEMBER. */
  async stillCreates(tx: Tx, user: User, namespace: string): Promise<void> {
    if (user.admin) return
    const membership = await findMembership(tx, namespace, user.id)
    if (!membership || membership.accepted_at === null) throw new Fault('NOT_A_MEMBER', { namespace })
  }

  /** Take a name that nobody has here yet, as far as the token and the second factor are concerned. */
  async claim(caller: Caller, name: PackageName): Promise<User> {
    const user = this.writer(caller)
    mayBuild(user, 'publish')
    if (!covers(user, name)) throw new Fault('FORBIDDEN', { why: LIMITED })
    await this.#twoFactor.demand(user, undefined)
    return user
  }

  /** Make a package in an existing namespace. */
  async create(caller: Caller, name: PackageName): Promise<User> {
    const user = this.writer(caller)
    this.#ownHost(name)
    await this.#isMember(user, name.namespace)
    return this.claim(user, name)
  }

  /** Require a second factor of everybody who changes a package: whoever asks for it must have one. BAD_REQUEST. */
  async requireTfa(user: User): Promise<void> {
    if (await this.#twoFactor.isActive(user.id)) return
    const why = 'You cannot require 2fa on a package without activating it for your account'
    throw new Fault('BAD_REQUEST', { why })
  }

  /** Speak for a namespace: an accepted member of it, or an administrator. */
  async actFor(caller: Caller, namespace: string): Promise<User> {
    const user = this.writer(caller)
    await this.#isMember(user, namespace)
    if (user.limits && !user.limits.namespaces.includes(namespace))
      throw new Fault('FORBIDDEN', { why: LIMITED })
    await this.#twoFactor.demand(user, undefined)
    return user
  }

  async #isMember(user: User, namespace: string): Promise<void> {
    if (user.admin && (await findNamespace(this.#context.storage.sql.read, namespace))) return
    const membership = await findMembership(this.#context.storage.sql.read, namespace, user.id)
    if (!membership || membership.accepted_at === null) throw new Fault('NOT_A_MEMBER', { namespace })
  }

  #ownHost(name: PackageName): void {
    if (name.host !== '') throw new Fault('REMOTE_HOST', { host: name.host })
  }

  #maintains(user: User, head: PackageHead): Promise<boolean> {
    return isMaintainer(this.#context.storage.sql.read, head.id, user.id)
  }
}

/** FORBIDDEN for a trusted build whose rule does not say so. */
function mayBuild({ build }: User, deed: Deed): void {
  if (!build) return
  const { permissions } = build
  if (deed === 'manage')
    throw new Fault('FORBIDDEN', { why: 'A trusted build may publish and set dist-tags, nothing else.' })
  if (permissions.includes('createPackage')) return
  if (deed === 'stage' && permissions.includes('createStagedPackage')) return
  throw new Fault('FORBIDDEN', { why: 'This trusted build may only stage: use npm stage publish.' })
}

/** Whether the token used, if one was, may touch this package. */
export function covers({ limits }: User, name: PackageName): boolean {
  if (!limits) return true
  return limits.namespaces.includes(name.namespace) || limits.packages.includes(npmNameOf(name))
}
