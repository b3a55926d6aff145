import { Fault } from '../base/fault.ts'
import { npmNameOf, type PackageName, specOf } from '../base/name.ts'
import type { MembershipRow, Reader, Tx } from '../storage/sql/database.ts'
import { findMembership, findNamespace } from '../storage/tables/accounts.ts'
import { hasRight, type Right } from '../storage/tables/rights.ts'
import type { Context } from './context.ts'
import type { Caller, PackageHead, User, Who } from './model.ts'
import type { TwoFactor } from './two-factor.ts'

const LIMITED = 'This token is limited to other packages or namespaces.'

/**
 * What somebody wants to do to a package. `edit` is what is done to versions once they are published: deprecating, yanking, unpublishing, and
 * rejecting staged ones. `manage` is all that is not named: maintainers, teams, who may read, the second factor, trusted builds, webhooks,
 * abandoning, unpublishing whole.
 */
export type Deed = 'publish' | 'stage' | 'tag' | 'edit' | 'manage'

/** Who may do what: one function a permission. Each returns quietly or throws the Fault that says what is missing. */
export class Access {
  readonly #context: Context
  readonly #twoFactor: TwoFactor

  constructor(context: Context, twoFactor: TwoFactor) {
    this.#context = context
    this.#twoFactor = twoFactor
  }

  /**
   * A public package is read by everyone, without asking who they are; a restricted one by its maintainers, and by members of the teams it
   * was granted to.
   */
  async read(who: Who, head: PackageHead): Promise<void> {
    if (head.access === 'public' || (await this.has(await who(), head, 'read'))) return
    // The same answer as for a package that does not exist: a private name is not to be guessed.
    throw new Fault('PACKAGE_NOT_FOUND', { spec: specOf(head.name, this.#context.host()) })
  }

  /** Whether somebody, with the token used, has a right of their own on a package; administrators have every one. */
  async has(caller: Caller, head: PackageHead, right: Right): Promise<boolean> {
    if (caller.kind === 'anonymous' || !covers(caller, head.name)) return false
    return this.#holds(this.#context.storage.sql.read, caller, { head, right })
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

  /**
   * Change an existing package: whoever is an accepted member of one of its accepted maintainers, and administrators, all of it. Members of
   * a team with a read-write grant all but `manage`; of one with a read-only grant nothing. NOT_A_MAINTAINER, or PACKAGE_NOT_FOUND for who
   * may not even read it.
   */
  async write(caller: Caller, head: PackageHead, deed: Deed = 'manage'): Promise<User> {
    const user = this.writer(caller)
    this.#ownHost(head.name)
    const spec = specOf(head.name, this.#context.host())
    if (!(await this.#holds(this.#context.storage.sql.read, user, { head, right: rightFor(deed) }))) {
      await this.read(async () => user, head)
      throw new Fault('NOT_A_MAINTAINER', { spec })
    }
    mayBuild(user, deed)
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
  async stillWrites(tx: Tx, user: User, head: PackageHead, deed: Deed): Promise<void> {
    if (await this.#holds(tx, user, { head, right: rightFor(deed) })) return
    throw new Fault('NOT_A_MAINTAINER', { spec: specOf(head.name, this.#context.host()) })
  }

  /** As stillWrites, for a publish that changes on the way who may read the package: that is its maintainers' to do. FORBIDDEN. */
  async stillOpens(tx: Tx, user: User, head: PackageHead): Promise<void> {
    if (await this.#holds(tx, user, { head, right: 'manage' })) return
    const why = `Only a maintainer of ${head.npmName} changes who may read it. Publish it ${head.access}, as it is: leave out --access.`
    throw new Fault('FORBIDDEN', { why })
  }

  /** As stillWrites, for a package made in a namespace. NOT_A_MEMBER. */
  async stillCreates(tx: Tx, user: User, namespace: string): Promise<void> {
    if (!(await this.standing(tx, user, namespace))) throw new Fault('NOT_A_MEMBER', { namespace })
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
    if (!coversNamespace(user, namespace)) throw new Fault('FORBIDDEN', { why: LIMITED })
    await this.#twoFactor.demand(user, undefined)
    return user
  }

  /** Look at what only the members of a namespace see: no right to change anything is needed. UNAUTHENTICATED, NOT_A_MEMBER. */
  async within(caller: Caller, namespace: string): Promise<User> {
    if (caller.kind === 'anonymous') throw new Fault('UNAUTHENTICATED', {})
    await this.#isMember(caller, namespace)
    if (coversNamespace(caller, namespace)) return caller
    throw new Fault('FORBIDDEN', { why: LIMITED })
  }

  /** What somebody is in a namespace, who accepted; administrators are owners everywhere. */
  async standing(db: Reader, user: User, namespace: string): Promise<MembershipRow['role'] | undefined> {
    if (user.admin) return 'owner'
    const membership = await findMembership(db, namespace, user.id)
    return membership && membership.accepted_at !== null ? membership.role : undefined
  }

  async #isMember(user: User, namespace: string): Promise<void> {
    const { read } = this.#context.storage.sql
    if ((await findNamespace(read, namespace)) && (await this.standing(read, user, namespace))) return
    throw new Fault('NOT_A_MEMBER', { namespace })
  }

  #ownHost(name: PackageName): void {
    if (name.host !== '') throw new Fault('REMOTE_HOST', { host: name.host })
  }

  async #holds(
    db: Reader,
    user: User,
    { head, right }: { head: PackageHead; right: Right },
  ): Promise<boolean> {
    return user.admin || hasRight(db, { packageId: head.id, accountId: user.id }, right)
  }
}

function rightFor(deed: Deed): Right {
  return deed === 'manage' ? 'manage' : 'write'
}

/** FORBIDDEN for a trusted build whose rule does not say so. */
function mayBuild({ build }: User, deed: Deed): void {
  if (!build) return
  const { permissions } = build
  if (deed === 'manage' || deed === 'edit')
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

function coversNamespace({ limits }: User, namespace: string): boolean {
  return !limits || limits.namespaces.includes(namespace)
}
