import { Fault, fail, isFault } from '../base/fault.ts'
import { EVERYBODY, type PackageName, specOf } from '../base/name.ts'
import type { Millis } from '../base/time.ts'
import type { PackageRow, Reader, Tx } from '../storage/sql/database.ts'
import { findAccount, findMembership } from '../storage/tables/accounts.ts'
import { bumpPackage } from '../storage/tables/packages.ts'
import { findMaintainer, lockNamespace } from '../storage/tables/people.ts'
import { listAccountsWith, listHeld } from '../storage/tables/rights.ts'
import {
  deleteGrant,
  findGrant,
  hasTeam,
  insertTeam,
  listGrants,
  type Permission,
  type TeamKey,
  upsertGrant,
} from '../storage/tables/teams.ts'
import type { Access } from './access.ts'
import { tell } from './audit.ts'
import type { Context } from './context.ts'
import type { Maintainers } from './maintainers.ts'
import type { Caller, PackageHead, User, Who } from './model.ts'
import type { Namespaces } from './namespaces.ts'
import type { Owner } from './owners.ts'
import { headOf } from './package-head.ts'
import type { Packages } from './packages.ts'
import { written } from './teams.ts'

export type { Permission }
export type Grant = { readonly head: PackageHead; readonly permission: Permission }
export type Collaborator = Owner & { readonly permission: Permission }

type Parts = {
  readonly access: Access
  readonly packages: Packages
  readonly namespaces: Namespaces
  readonly maintainers: Maintainers
}

/**
 * What teams may do with packages: `read` one that is restricted, or `write`, which is reading, publishing, tagging, deprecating, yanking,
 * unpublishing and judging staged versions (see Access.write) – not deciding about maintainers, teams or who may read. What a namespace
 * maintains its `developers` need no grant for: they manage it.
 */
export class Grants {
  readonly #context: Context
  readonly #parts: Parts

  constructor(context: Context, parts: Parts) {
    this.#context = context
    this.#parts = parts
  }

  /**
   * Grants a package that the caller manages to a team of a namespace the caller is a member of; a grant there was is replaced. For
   * `developers` to write, the namespace becomes a maintainer: at once where the caller is a member, else when one of its members accepts.
   * NOT_FOUND, NOT_A_MEMBER (FORBIDDEN for `developers`), NOT_A_MAINTAINER; BAD_REQUEST for `developers` that do more already.
   */
  async give(
    caller: Caller,
    key: TeamKey,
    { name, permission }: { name: PackageName; permission: Permission },
  ): Promise<void> {
    const { access, packages, namespaces } = this.#parts
    if (key.team === EVERYBODY && permission === 'write') return this.#invite(caller, key.namespace, name)
    const user = access.writer(caller)
    const head = await packages.writable(caller, name)
    await namespaces.mustExist(key.namespace)
    await this.#mustBelong(user, key)
    await this.#change(head, key, async (tx, at) => {
      await access.stillWrites(tx, user, head, 'manage')
      await this.#mustTake(tx, key, { head, at })
      const known = await findGrant(tx, head.id, key)
      if (known === permission) return
      const stamps = { granted_by: user.id, granted_at: at }
      await upsertGrant(tx, { package_id: head.id, ...key, permission, ...stamps })
      await tell(tx, user, deedOf(key, { head, at, detail: { granted: permission, by: user.name } }))
    })
  }

  /**
   * Takes a grant back. By whoever manages the package, and by the owners of the team's namespace, upon whom nothing is forced. From
   * `developers` it takes the namespace's being a maintainer too, and is quiet where it is none. NOT_FOUND, NOT_A_MAINTAINER; CONFLICT for
   * the last maintainer.
   */
  async take(caller: Caller, key: TeamKey, name: PackageName): Promise<void> {
    const { namespaces, maintainers, access } = this.#parts
    const user = access.writer(caller)
    await namespaces.mustExist(key.namespace)
    const { head, manages } = await this.#mayTake(user, key, name)
    if (manages && key.team === EVERYBODY && (await this.#maintainer(head, key.namespace)))
      await maintainers.remove(caller, name, key.namespace)
    await this.#change(head, key, async (tx, at) => {
      const permission = await findGrant(tx, head.id, key)
      if (permission === undefined && key.team === EVERYBODY) return
      // The same answer as for a team that does not exist: teams are known to their namespace alone.
      if (permission === undefined)
        return fail('NOT_FOUND', { what: `${head.npmName} among what ${written(key)} was granted` })
      await deleteGrant(tx, head.id, key)
      await tell(tx, user, deedOf(key, { head, at, detail: { revoked: permission, by: user.name } }))
    })
  }

  /** What each team of a namespace may do, as far as `who` may see the packages. For members. NOT_FOUND, NOT_A_MEMBER. */
  async byTeam(who: Who, namespace: string): Promise<ReadonlyMap<string, readonly Grant[]>> {
    const { access, namespaces } = this.#parts
    await namespaces.mustExist(namespace)
    await access.within(await who(), namespace)
    const teams = Map.groupBy(await this.#granted(who, namespace), ({ team }) => team)
    const named = new Map<string, readonly Grant[]>(teams)
    return named.set(EVERYBODY, await this.#everybodys(who, namespace))
  }

  /** As byTeam, of one team; of `developers` for all. */
  async ofTeam(who: Who, key: TeamKey): Promise<readonly Grant[]> {
    if (key.team === EVERYBODY) return this.#everybodys(who, key.namespace)
    const grants = await this.byTeam(who, key.namespace)
    await mustExist(this.#context.storage.sql.read, key)
    return grants.get(key.team) ?? []
  }

  /** What a namespace may do. Whoever asks for their own name is told what they may do themselves, wherever they have it from. NOT_FOUND. */
  async ofNamespace(who: Who, namespace: string): Promise<readonly Grant[]> {
    const caller = await who()
    const isOwn = caller.kind === 'user' && caller.name === namespace
    return isOwn ? this.ofUser(who, namespace) : this.#everybodys(who, namespace)
  }

  /** What an account may do, as far as `who` may see the packages: to the account itself all, to others what it manages. NOT_FOUND. */
  async ofUser(who: Who, userName: string): Promise<Grant[]> {
    const { read } = this.#context.storage.sql
    const account = (await findAccount(read, userName)) ?? fail('NOT_FOUND', { what: userName })
    const caller = await who()
    const isOwn = caller.kind === 'user' && (caller.admin || caller.id === account.id)
    const writable = await listHeld(read, account.id, isOwn ? 'write' : 'manage')
    const held = isOwn ? await listHeld(read, account.id, 'read') : writable
    const ids = new Set(writable.map(({ id }) => id))
    const heads = await this.#parts.packages.readable(who, held.map(headOf))
    return heads.map((head) => ({ head, permission: ids.has(head.id) ? 'write' : 'read' }))
  }

  /** Who may do what with a package: all of them to one of them, to others its maintainers. PACKAGE_NOT_FOUND. */
  async collaborators(who: Who, name: PackageName): Promise<Collaborator[]> {
    const { packages, access } = this.#parts
    const head = await packages.head(who, name)
    const { read } = this.#context.storage.sql
    const isOne = await access.has(await who(), head, 'read')
    const writers = await listAccountsWith(read, head.id, isOne ? 'write' : 'manage')
    const all = isOne ? await listAccountsWith(read, head.id, 'read') : writers
    const names = new Set(writers.map((one) => one.name))
    return all.map((one) => ({ ...one, permission: names.has(one.name) ? 'write' : 'read' }))
  }

  /** What the members of a namespace may do as such: what it maintains, and what its `developers` were granted to read. NOT_FOUND. */
  async #everybodys(who: Who, namespace: string): Promise<Grant[]> {
    const maintained = await this.#parts.maintainers.packagesOf(who, namespace)
    const ids = new Set(maintained.map(({ id }) => id))
    const granted = (await this.#granted(who, namespace)).filter(
      ({ team, head }) => team === EVERYBODY && !ids.has(head.id),
    )
    return [...maintained.map((head): Grant => ({ head, permission: 'write' })), ...granted]
  }

  async #granted(who: Who, namespace: string): Promise<(Grant & { team: string })[]> {
    const rows = await listGrants(this.#context.storage.sql.read, namespace)
    const readable = new Set(await this.#readable(who, rows))
    return rows
      .filter(({ id }) => readable.has(id))
      .map((row) => ({ head: headOf(row), permission: row.permission, team: row.team }))
  }

  async #readable(who: Who, rows: readonly PackageRow[]): Promise<string[]> {
    return (await this.#parts.packages.readable(who, rows.map(headOf))).map(({ id }) => id)
  }

  async #invite(caller: Caller, namespace: string, name: PackageName): Promise<void> {
    const { maintainers, packages, access } = this.#parts
    await maintainers.invite(caller, name, namespace)
    const head = await packages.writable(caller, name)
    const row = await this.#maintainer(head, namespace)
    if (row?.accepted_at !== null) return
    const user = access.writer(caller)
    const own = await findMembership(this.#context.storage.sql.read, namespace, user.id)
    if (own && own.accepted_at !== null) await maintainers.accept(caller, name, { namespace })
  }

  /** What a namespace is granted shows among its packages: nobody puts something there from outside. NOT_A_MEMBER, FORBIDDEN. */
  async #mustBelong(user: User, key: TeamKey): Promise<void> {
    const { namespace, team } = key
    try {
      await this.#parts.access.actFor(user, namespace)
    } catch (error) {
      if (team !== EVERYBODY || !isFault(error, 'NOT_A_MEMBER')) throw error
      const why = `Only members of ${namespace} grant read-only to ${written(key)}, and you are none. Grant read-write: that invites ${namespace} to be a maintainer, which one of its members accepts.`
      throw new Fault('FORBIDDEN', { why })
    }
  }

  #maintainer(head: PackageHead, namespace: string) {
    return findMaintainer(this.#context.storage.sql.read, head.id, namespace)
  }

  /** Whether there is a grant of a private package is for nobody else to learn. */
  async #mayTake(
    user: User,
    key: TeamKey,
    name: PackageName,
  ): Promise<{ head: PackageHead; manages: boolean }> {
    const { access, packages } = this.#parts
    const { read } = this.#context.storage.sql
    try {
      return { head: await packages.writable(user, name), manages: true }
    } catch (error) {
      if (!isFault(error, 'NOT_A_MAINTAINER', 'PACKAGE_NOT_FOUND')) throw error
      const isOwner = (await access.standing(read, user, key.namespace)) === 'owner'
      const head = isOwner ? await packages.findLocal(name) : undefined
      if (!head || (await findGrant(read, head.id, key)) === undefined) throw error
      await access.actFor(user, key.namespace)
      return { head, manages: false }
    }
  }

  /** A team that may be granted the package now. NOT_FOUND, BAD_REQUEST. */
  async #mustTake(tx: Tx, key: TeamKey, { head, at }: { head: PackageHead; at: Millis }): Promise<void> {
    const { namespace, team } = key
    if (team !== EVERYBODY) return mustExist(tx, key)
    const maintainer = await findMaintainer(tx, head.id, namespace)
    if (maintainer && maintainer.accepted_at !== null)
      throw new Fault('BAD_REQUEST', {
        why: `${namespace} maintains ${head.npmName}, so its members do more than read it. See to it that somebody else maintains it too and revoke ${written(key)}; then grant read-only.`,
      })
    await insertTeam(tx, { namespace, name: team, created_by: null, created_at: at })
  }

  /** One change, alone with the team and the package. */
  async #change(
    head: PackageHead,
    { namespace }: TeamKey,
    work: (tx: Tx, at: Millis) => Promise<void>,
  ): Promise<void> {
    const at = this.#context.clock.now()
    await this.#context.storage.sql.transaction(async (tx) => {
      await lockNamespace(tx, namespace)
      const { removed_at } = await bumpPackage(tx, head.id, at)
      if (removed_at !== null) fail('PACKAGE_NOT_FOUND', { spec: specOf(head.name, this.#context.host()) })
      await work(tx, at)
    })
  }
}

async function mustExist(db: Reader, key: TeamKey): Promise<void> {
  if (!(await hasTeam(db, key))) fail('NOT_FOUND', { what: written(key) })
}

/** The feed is read by everybody: teams are named in the log alone. */
function deedOf(key: TeamKey, { head, at, detail }: { head: PackageHead; at: Millis; detail: object }) {
  return { of: head, at, kind: 'access', detail, aside: { team: written(key) } } as const
}
