import { Fault, isFault } from '../base/fault.ts'
import {
  LEGACY,
  npmNameOf,
  type PackageName,
  parseNamespace,
  parseNewNpmName,
  parseNpmName,
} from '../base/name.ts'
import type { Millis } from '../base/time.ts'
import type { PackageRow, Tx } from '../storage/sql/database.ts'
import { findNamespace, insertMembership, insertNamespace } from '../storage/tables/accounts.ts'
import {
  bumpPackage,
  findPackage,
  forgetMirrored,
  hasMirroredScope,
  insertPackage,
  newPackage,
  upsertMaintainer,
} from '../storage/tables/packages.ts'
import { deleteRights } from '../storage/tables/rights.ts'
import { listVersionHeads } from '../storage/tables/versions.ts'
import type { Access } from './access.ts'
import { CONSOLE, note, originOfCaller, tell } from './audit.ts'
import type { Context } from './context.ts'
import type { Mirror } from './mirror.ts'
import type { User } from './model.ts'

/** How a name becomes ours. A name has one origin: claimed here, it never goes upstream again. */
export class Claims {
  readonly #context: Context
  readonly #access: Access
  readonly #mirror: Mirror

  constructor(context: Context, parts: { access: Access; mirror: Mirror }) {
    this.#context = context
    this.#access = parts.access
    this.#mirror = parts.mirror
  }

  /**
   * Publishing under a name nobody has here yet. Names of the upstream registry are taken by nobody in passing, not even by an
   * administrator: it would cut everybody off from the package. The operator claims them (see Packages.claim). INVALID_NAME for what npm
   * takes as a name of old packages alone.
   */
  async mayClaim(user: User, name: PackageName, row: PackageRow | undefined): Promise<void> {
    const npmName = npmNameOf(name)
    await this.#access.claim(user, name)
    if (row) throw new Fault('NAME_IS_UPSTREAM', { name: npmName })
    parseNewNpmName(npmName)
    if (name.namespace !== LEGACY) {
      if (await findNamespace(this.#context.storage.sql.read, name.namespace)) {
        await this.#access.create(user, name)
        return
      }
      if (await hasMirroredScope(this.#context.storage.sql.read, name.namespace))
        throw new Fault('NAME_IS_UPSTREAM', { name: npmName })
    }
    if (await this.#existsUpstream(npmName)) throw new Fault('NAME_IS_UPSTREAM', { name: npmName })
  }

  async #existsUpstream(npmName: string): Promise<boolean> {
    if (await this.#mirror.reach.isCutOff(npmName)) {
      const why = `Whether "${npmName}" exists upstream cannot be told offline. Use a scope of your own, as in @you/name, or let the operator set the name aside: entropic package claim ${npmName} --for YOU`
      throw new Fault('UNAVAILABLE', { why })
    }
    try {
      await this.#mirror.refresh(npmName)
      return true
    } catch (error) {
      if (isFault(error, 'PACKAGE_NOT_FOUND')) return false
      if (!isFault(error)) throw error
      const why = `Whether "${npmName}" exists upstream cannot be told now (${error.message}), so it cannot be published yet. Try again later, or use a scope of your own, as in @you/name.`
      throw new Fault('UNAVAILABLE', { why }, { cause: error })
    }
  }

  /**
   * Sets a name aside for an account, for the operator: what was mirrored under it is forgotten, it never goes upstream again, and the
   * account may publish it. CONFLICT when it is ours already.
   */
  async claim(user: User, npmName: string): Promise<void> {
    const name = { namespace: LEGACY, host: '', name: parseNpmName(npmName) }
    const now = this.#context.clock.now()
    await this.#context.storage.sql.transaction(async (tx) => {
      const known = await findPackage(tx, '', npmName)
      if (known?.source === 'local') throw new Fault('CONFLICT', { why: `"${npmName}" is ours already.` })
      return known ? this.take(tx, user, { row: known, name }) : this.insert(tx, user, { name, now })
    })
  }

  /**
   * Gives a name back to the upstream registry, for the operator. CONFLICT while versions of ours are published under it, since installs
   * would silently get others.
   */
  async release(npmName: string): Promise<void> {
    const now = this.#context.clock.now()
    await this.#context.storage.sql.transaction(async (tx) => {
      const row = await findPackage(tx, '', parseNpmName(npmName))
      if (row?.source !== 'local') throw new Fault('NOT_FOUND', { what: `package ${npmName} of ours` })
      const versions = await listVersionHeads(tx, row.id)
      if (versions.some(({ removed_at }) => removed_at === null))
        throw new Fault('CONFLICT', {
          why: `Versions of "${npmName}" are published here. Unpublish them first.`,
        })
      await forgetMirrored(tx, row.id)
      await deleteRights(tx, row.id)
      const mirrored = {
        namespace: LEGACY,
        name: npmName,
        access: 'public',
        removed_at: null,
        yanked_at: null,
      } as const
      await bumpPackage(tx, row.id, now, { source: 'mirror', require_tfa_at: null, ...mirrored })
      await note(tx, { at: now, by: CONSOLE }, { action: 'package.release', subject: npmName })
    })
  }

  async insert(tx: Tx, user: User, { name, now }: { name: PackageName; now: Millis }): Promise<PackageRow> {
    const row = newPackage(name, 'local', now)
    await insertPackage(tx, row)
    await this.#own(tx, user, { packageId: row.id, name, now })
    return row
  }

  /** An administrator takes a mirrored name for us: what was mirrored is forgotten. */
  async take(tx: Tx, user: User, target: { row: PackageRow; name: PackageName }): Promise<PackageRow> {
    const now = this.#context.clock.now()
    const { id } = target.row
    await forgetMirrored(tx, id)
    await this.#own(tx, user, { packageId: id, name: target.name, now })
    const { namespace, name } = target.name
    return bumpPackage(tx, id, now, { source: 'local', namespace, name })
  }

  /** The first maintainer: the package's own namespace, made on the way if need be; in `legacy`, the user's. */
  async #own(tx: Tx, user: User, made: { packageId: string; name: PackageName; now: Millis }): Promise<void> {
    const { packageId, name, now } = made
    const owner = name.namespace === LEGACY ? user.name : name.namespace
    if (await findNamespace(tx, owner)) await this.#access.stillCreates(tx, user, owner)
    else {
      await insertNamespace(tx, { name: parseNamespace(owner), created_at: now, created_by: user.id })
      const membership = { invited_by: null, invited_at: now, accepted_at: now }
      await insertMembership(tx, { namespace: owner, account_id: user.id, role: 'owner', ...membership })
      await note(tx, { at: now, by: originOfCaller(user) }, { action: 'namespace.create', subject: owner })
    }
    await upsertMaintainer(tx, maintainerRow(packageId, owner, { now, by: null }))
    const detail = { by: user.name }
    await tell(tx, user, { of: { id: packageId, npmName: npmNameOf(name) }, at: now, kind: 'create', detail })
  }
}

export function maintainerRow(packageId: string, namespace: string, at: { now: Millis; by: string | null }) {
  return {
    package_id: packageId,
    namespace,
    invited_by: at.by,
    invited_at: at.now,
    accepted_at: at.now,
    invitation: null,
  }
}
