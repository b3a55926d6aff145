import type { CompiledQuery } from 'kysely'
import { Fault, fail, isFault } from '../base/fault.ts'
import {
  ABANDONWARE,
  LEGACY,
  npmNameOf,
  type PackageName,
  parseLocalName,
  parseNewNpmName,
  parseNpmName,
  specOf,
} from '../base/name.ts'
import type { Millis } from '../base/time.ts'
import { Conflict, type PackageRow, type Tx } from '../storage/sql/database.ts'
import {
  bumpPackage,
  deleteTags,
  findPackage,
  listPackages,
  packageByNpmName,
  upsertMaintainer,
} from '../storage/tables/packages.ts'
import { deleteGrants, deleteRights } from '../storage/tables/rights.ts'
import { removeVersions, yankVersions } from '../storage/tables/versions.ts'
import type { Access, Deed } from './access.ts'
import { tell } from './audit.ts'
import { Claims, maintainerRow } from './claims.ts'
import type { Context } from './context.ts'
import type { Federation } from './federation.ts'
import { claimedScopeOf } from './foreign-names.ts'
import type { Mirror } from './mirror.ts'
import type { Caller, PackageHead, PublishRequest, User, Who } from './model.ts'
import { headOf } from './package-head.ts'

/** Packages as a whole: finding, making, abandoning, unpublishing. */
export class Packages {
  readonly #context: Context
  readonly #access: Access
  readonly #mirror: Mirror
  readonly #federation: Federation
  /** Names that become ours, and go back. */
  readonly claims: Claims
  readonly #byNpmName: CompiledQuery<PackageRow>

  constructor(context: Context, parts: { access: Access; mirror: Mirror; federation: Federation }) {
    this.#context = context
    this.#access = parts.access
    this.#mirror = parts.mirror
    this.#federation = parts.federation
    this.claims = new Claims(context, parts)
    this.#byNpmName = packageByNpmName(context.storage.sql.read)
  }

  /**
   * The package of this name as `who` may see it: ours, or mirrored from upstream, asked there when our copy is old or missing.
   * npm's `@s/x` finds `s@host/x` and the mirrored `legacy@host/@s/x` alike. PACKAGE_NOT_FOUND, UPSTREAM_….
   */
  async head(who: Who, name: PackageName): Promise<PackageHead> {
    const row = await this.#find(name)
    if (row?.source === 'local') {
      const head = headOf(row)
      await this.#access.read(who, head)
      return row.removed_at === null ? head : this.#missing(name)
    }
    if (row) return headOf(await this.#mirror.current(row))
    return headOf(await this.#fromUpstream(name))
  }

  /** As head, for what everybody may read and is at hand; undefined: head knows. */
  headNow(name: PackageName): PackageHead | undefined {
    const row = this.#context.storage.sql.firstNow(this.#byNpmName, [name.host, npmNameOf(name)])
    if (row?.access !== 'public' || row.removed_at !== null) return undefined
    return row.source === 'local' || this.#mirror.isYoung(row) ? headOf(row) : undefined
  }

  /**
   * As head, but `s@host/x` and `legacy@host/@s/x` are told apart, as the Entropic API does. Of ours only `legacy` is mirrored; other
   * hosts are other registries. INVALID_NAME, FORBIDDEN.
   */
  async headExactly(who: Who, name: PackageName): Promise<PackageHead> {
    if (name.host !== '') return headOf(await this.#federation.package(name))
    if (name.namespace === LEGACY) parseNpmName(name.name)
    else if ((await this.#find(name))?.source !== 'local') this.#missing(name)
    const head = await this.head(who, name).catch((error: unknown) => {
      // Upstream speaks of npm names.
      if (isFault(error, 'PACKAGE_NOT_FOUND')) this.#missing(name)
      throw error
    })
    return head.name.namespace === name.namespace ? head : this.#missing(name)
  }

  /** A mirrored package asked for upstream now, whatever its age: for who wants what our copy lacks. Ours is always fresh. */
  async fresh(head: PackageHead): Promise<PackageHead> {
    const row = head.source === 'mirror' ? await this.#find(head.name) : undefined
    return row ? headOf(await this.#mirror.fresh(row)) : head
  }

  /** A package of our own, for those who want to change it; undefined when there is none (mirrored ones are nobody's). */
  async findLocal(name: PackageName): Promise<PackageHead | undefined> {
    const row = await this.#find(name)
    return row?.source === 'local' && row.removed_at === null ? headOf(row) : undefined
  }

  /** As findLocal, unpublished ones too: their version numbers stay taken. */
  async findOwn(name: PackageName): Promise<PackageHead | undefined> {
    const row = await this.#find(name)
    return row?.source === 'local' ? headOf(row) : undefined
  }

  /** As findLocal, for an account that was asked something about it. PACKAGE_NOT_FOUND. */
  async local(caller: Caller, name: PackageName): Promise<PackageHead> {
    this.#access.writer(caller)
    return (await this.findLocal(name)) ?? this.#missing(name)
  }

  /** Every package here, mirrored ones too, that `who` may see; by namespace and name. */
  async list(who: Who): Promise<PackageHead[]> {
    return this.readable(who, (await listPackages(this.#context.storage.sql.read)).map(headOf))
  }

  /** Of these packages those that `who` may see. */
  async readable(who: Who, heads: readonly PackageHead[]): Promise<PackageHead[]> {
    const visible = await Promise.all(heads.map((head) => this.#mayRead(who, head)))
    return heads.filter((_, index) => visible[index])
  }

  /**
   * Makes an empty package in a namespace the caller belongs to, or changes its settings when it is there and the caller may.
   * INVALID_NAME.
   */
  async put(caller: Caller, name: PackageName, settings: { requireTfa?: boolean }): Promise<PutResult> {
    const known = await this.findLocal(name)
    // Who may not know of a private package hears what they would of a new one.
    if (known && !(await this.#mayRead(async () => caller, known))) await this.#access.create(caller, name)
    if (known) return { head: await this.#configure(caller, known, settings), created: false }
    const user = await this.#access.create(caller, name)
    checkNewName(name)
    if (settings.requireTfa) await this.#access.requireTfa(user)
    const head = await this.#transaction(async (tx) => {
      const row = await this.claims.insert(tx, user, { name, now: this.#context.clock.now() })
      if (!settings.requireTfa) return headOf(row)
      return headOf(await this.#requireTfa(tx, user, { id: row.id, required: true }))
    })
    return { head, created: true }
  }

  /**
   * Abandons a package (the original's DELETE): it stays readable and downloadable, every version is yanked, and nobody owns it.
   */
  async abandon(caller: Caller, name: PackageName): Promise<void> {
    const head = await this.writable(caller, name)
    const now = this.#context.clock.now()
    await this.#transaction(async (tx) => {
      await bumpPackage(tx, head.id, now, { yanked_at: now })
      await yankVersions(tx, head.id, now)
      await deleteRights(tx, head.id)
      await upsertMaintainer(tx, maintainerRow(head.id, ABANDONWARE, { now, by: null }))
      await tell(tx, caller, { of: head, at: now, kind: 'abandon' })
    })
  }

  /** Unpublishes a package whole (npm's): name and version numbers stay taken, everything else goes, its teams' grants too. */
  async remove(caller: Caller, name: PackageName, revision: number): Promise<void> {
    const head = await this.writable(caller, name)
    const now = this.#context.clock.now()
    await this.#transaction(async (tx) => {
      const row = await bumpPackage(tx, head.id, now, { removed_at: now })
      checkRevision(row, revision)
      await removeVersions(tx, head.id, now)
      await deleteTags(tx, head.id)
      await deleteGrants(tx, head.id)
      await tell(tx, caller, { of: head, at: now, kind: 'unpublish' })
    })
  }

  /** The package, if it is ours and the caller may change it. PACKAGE_NOT_FOUND, NOT_A_MAINTAINER… */
  async writable(caller: Caller, name: PackageName, deed: Deed = 'manage'): Promise<PackageHead> {
    this.#access.writer(caller)
    if (name.host !== '') throw new Fault('REMOTE_HOST', { host: name.host })
    const row = await this.#find(name)
    if (row?.source === 'mirror') throw new Fault('NAME_IS_UPSTREAM', { name: row.npm_name })
    if (!row || row.removed_at !== null) return this.#missing(name)
    await this.#access.write(caller, headOf(row), deed)
    return headOf(row)
  }

  /**
   * Whether the caller may publish under this name, decided before any byte of content is taken: an existing package by the right to
   * change it; a new one by the right to make it, which npm's publish claims on the way.
   */
  async mayPublish(
    caller: Caller,
    name: PackageName,
    { missing, deed = 'publish' }: { missing: 'create' | 'refuse'; deed?: Deed },
  ): Promise<User> {
    const user = this.#access.writer(caller)
    if (name.host !== '') throw new Fault('REMOTE_HOST', { host: name.host })
    const row = await this.#find(name)
    if (row?.source !== 'local') return this.#mayMake(user, name, { missing, row })
    // As in put.
    if (!(await this.#mayRead(async () => user, headOf(row)))) await this.#mayMake(user, name, { missing })
    return this.#access.write(user, headOf(row), deed)
  }

  async #mayMake(
    user: User,
    name: PackageName,
    { missing, row }: { missing: 'create' | 'refuse'; row?: PackageRow | undefined },
  ): Promise<User> {
    if (missing === 'refuse' && !row) {
      await this.#access.create(user, name)
      return this.#missing(name)
    }
    await this.claims.mayClaim(user, name, row)
    return user
  }

  /**
   * Inside the transaction of a publish: the package's row with its revision raised, made when it was missing. Throws Conflict when
   * somebody else made it meanwhile.
   */
  async forPublish(
    tx: Tx,
    user: User,
    { name, access, now }: Pick<PublishRequest, 'name' | 'access'> & { now: Millis },
  ): Promise<PackageRow> {
    const known = await findPackage(tx, name.host, npmNameOf(name))
    // Mirrored meanwhile: whoever asked first has the name.
    if (known?.source === 'mirror') throw new Fault('NAME_IS_UPSTREAM', { name: known.npm_name })
    const before = known ?? (await this.claims.insert(tx, user, { name, now }))
    // What is asked for as it stands is no change, or it would undo one that a maintainer makes meanwhile.
    const changed = access && access !== before.access ? { access } : undefined
    if (changed) await tell(tx, user, { of: headOf(before), at: now, kind: 'access', detail: changed })
    const row = await bumpPackage(tx, before.id, now, { removed_at: null, ...changed })
    // After the row was locked: rights cannot change any more until this publish is done.
    if (known) await this.#access.stillWrites(tx, user, headOf(row), 'publish')
    if (known && changed) await this.#access.stillOpens(tx, user, headOf(before))
    return row
  }

  #find(name: PackageName): Promise<PackageRow | undefined> {
    return this.#context.storage.sql.first(this.#byNpmName, [name.host, npmNameOf(name)])
  }

  async #fromUpstream(name: PackageName): Promise<PackageRow> {
    if (!this.#mirror.reach.hasUpstream || name.host !== '') return this.#missing(name)
    // A claimed scope never goes upstream, in no spelling, or whoever takes the name there could slip into our installs.
    const npmName = npmNameOf(name)
    if ((await claimedScopeOf(this.#context.storage.sql.read, npmName)) !== undefined)
      return this.#missing(name)
    return this.#mirror.refresh(npmName)
  }

  #missing(name: PackageName): never {
    return fail('PACKAGE_NOT_FOUND', { spec: specOf(name, this.#context.host()) })
  }

  async #mayRead(who: Who, head: PackageHead): Promise<boolean> {
    try {
      await this.#access.read(who, head)
      return true
    } catch (error) {
      if (isFault(error, 'PACKAGE_NOT_FOUND')) return false
      throw error
    }
  }

  async #configure(
    caller: Caller,
    head: PackageHead,
    settings: { requireTfa?: boolean },
  ): Promise<PackageHead> {
    const user = await this.#access.write(caller, head)
    const { requireTfa } = settings
    if (requireTfa) await this.#access.requireTfa(user)
    if (requireTfa === undefined || requireTfa === head.requireTfa) return head
    const change = { id: head.id, required: requireTfa }
    return headOf(await this.#transaction((tx) => this.#requireTfa(tx, user, change)))
  }

  async #requireTfa(
    tx: Tx,
    user: User,
    { id, required }: { id: string; required: boolean },
  ): Promise<PackageRow> {
    const now = this.#context.clock.now()
    const row = await bumpPackage(tx, id, now, { require_tfa_at: required ? now : null })
    const detail = { requireTfa: required }
    await tell(tx, user, { of: headOf(row), at: now, kind: 'access', detail })
    return row
  }

  async #transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    try {
      return await this.#context.storage.sql.transaction(work)
    } catch (error) {
      if (error instanceof Conflict)
        throw new Fault('CONFLICT', { why: 'Somebody else just took this name.' })
      throw error
    }
  }
}

function checkNewName(name: PackageName): void {
  if (name.namespace !== LEGACY) parseLocalName(name.name)
  parseNewNpmName(npmNameOf(name))
}

export type PutResult = { readonly head: PackageHead; readonly created: boolean }

/** STALE_REVISION unless the row, its revision just raised, stood at `revision` before. */
export function checkRevision(row: PackageRow, revision: number): void {
  if (row.revision !== revision + 1) throw new Fault('STALE_REVISION', { spec: row.npm_name })
}
