import semver from 'semver'
import type { Digest } from '../base/digest.ts'
import { Fault, fail } from '../base/fault.ts'
import { type PackageName, specOf } from '../base/name.ts'
import { minutes } from '../base/time.ts'
import { Conflict, type PackageRow, type Tx } from '../storage/sql/database.ts'
import { rememberFiles } from '../storage/tables/objects.ts'
import { bumpPackage, deleteTag, upsertTag } from '../storage/tables/packages.ts'
import {
  findVersion,
  insertVersion,
  listVersionHeads,
  removeVersion,
  updateVersion,
} from '../storage/tables/versions.ts'
import { attestationOf } from './attestations.ts'
import { tell } from './audit.ts'
import type { ContentStore } from './content.ts'
import type { Context } from './context.ts'
import type { Federation } from './federation.ts'
import type { Caller, PackageHead, PublishRequest, User } from './model.ts'
import { npmUserOf } from './npm-user.ts'
import { headOf } from './package-head.ts'
import { currentTags, repairLatest } from './package-tags.ts'
import { checkRevision, type Packages } from './packages.ts'
import { type Made, makeContent } from './publish-content.ts'
import { checkDependencies } from './publish-dependencies.ts'
import { type ReadyVersion, readyVersion } from './ready-version.ts'
import type { Signer } from './signer.ts'
import { takeStagedNumber } from './staged-number.ts'
import { parseTag, parseVersion, tagsForPublish, tagsForRepeat } from './tags.ts'
import { checkAccess } from './visibility.ts'
import { keepVouchers } from './vouchers.ts'

/** A repeated publish of the same bytes within this time is the client's retry, not a mistake. */
const RETRY_WINDOW = minutes(10)
/** A race for a package or a version is lost once; more conflicts than this are a bug, which must not spin. */
const INSERT_TRIES = 3

export type Published = { readonly head: PackageHead; readonly version: string; readonly integrity: Digest }

/** Versions of our own packages: publishing and whatever is done to them afterwards. Nothing else writes them. */
export class Versions {
  readonly #context: Context
  readonly #packages: Packages
  readonly #content: ContentStore
  readonly #federation: Federation
  readonly #signer: Signer | undefined

  constructor(
    context: Context,
    parts: { packages: Packages; content: ContentStore; federation: Federation; signer: Signer | undefined },
  ) {
    this.#context = context
    this.#packages = parts.packages
    this.#content = parts.content
    this.#federation = parts.federation
    this.#signer = parts.signer
  }

  /**
   * The one publish, whichever door it came through. Either everything is stored and visible when this resolves, or nothing is.
   * INVALID_…, NOT_A_…, NAME_IS_UPSTREAM, VERSION_EXISTS, INTEGRITY_MISMATCH.
   */
  async publish(caller: Caller, request: PublishRequest): Promise<Published> {
    const user = await this.#packages.mayPublish(caller, request.name, request)
    const version = this.#check(request)
    const repeated = await this.#refuseExisting(user, request)
    if (repeated) return repeated
    const made = await makeContent(this.#context, this.#content, request)
    const ready = await this.#ready(user, request, made)
    const head = await this.#insert(user, request, { ready, tries: INSERT_TRIES })
    if (request.dependencies) this.#federation.gather(Object.values(request.dependencies))
    return { head, version, integrity: ready.row.integrity ?? fail('NOT_FOUND', { what: version }) }
  }

  /** As publish, for what is to be published later: everything is checked, and nothing is written but content. */
  async examine(caller: Caller, request: PublishRequest): Promise<User> {
    const deed = { missing: request.missing, deed: 'stage' } as const
    const user = await this.#packages.mayPublish(caller, request.name, deed)
    this.#check(request)
    if (await this.#existing(request)) throw this.#exists(request)
    await makeContent(this.#context, this.#content, request)
    return user
  }

  /** Whether publishing this could succeed, as far as it can be told before any content is taken. Throws as publish does. */
  async mayPublish(
    caller: Caller,
    request: Pick<PublishRequest, 'missing' | 'name' | 'version'>,
  ): Promise<void> {
    await this.#packages.mayPublish(caller, request.name, request)
    parseVersion(request.version)
    if (await this.#existing(request)) throw this.#exists(request)
  }

  /**
   * Sets or (with '') lifts the deprecation message of versions; those that stand so already are left alone. Tells whether
   * there were others. VERSION_NOT_FOUND for one that never was.
   */
  async deprecate(
    caller: Caller,
    name: PackageName,
    messages: ReadonlyMap<string, string>,
  ): Promise<boolean> {
    const head = await this.#packages.writable(caller, name, 'edit')
    const rows = await listVersionHeads(this.#context.storage.sql.read, head.id)
    const unknown = [...messages.keys()].find((version) => !rows.some((row) => row.version === version))
    if (unknown !== undefined) this.#missing(name, unknown)
    const changed = rows.filter(
      (row) =>
        row.removed_at === null &&
        messages.has(row.version) &&
        (messages.get(row.version) || null) !== row.deprecated,
    )
    if (changed.length === 0) return false
    await this.#change(caller, { head, kind: 'deprecate' }, async (tx) => {
      for (const { version } of changed)
        await updateVersion(
          tx,
          { packageId: head.id, version },
          { deprecated: messages.get(version) || null },
        )
      return { versions: changed.map((row) => row.version) }
    })
    return true
  }

  /** Hides a version from resolution, or (with `yanked: false`) shows it again; its content stays downloadable. */
  async yank(caller: Caller, name: PackageName, change: { version: string; yanked: boolean }): Promise<void> {
    const head = await this.#packages.writable(caller, name, 'edit')
    const { version, yanked } = change
    await this.#change(caller, { head, kind: 'yank' }, async (tx, now) => {
      const found = await updateVersion(
        tx,
        { packageId: head.id, version },
        { yanked_at: yanked ? now : null },
      )
      if (!found) this.#missing(name, version)
      await repairLatest(tx, head.id)
      return { version, yanked }
    })
  }

  /**
   * Unpublishes versions (npm's): their content goes, their numbers stay taken. `revision` is what the caller last saw.
   * `latest` moves to the newest left. STALE_REVISION.
   */
  async unpublish(
    caller: Caller,
    name: PackageName,
    change: { versions: readonly string[]; revision: number },
  ): Promise<void> {
    const head = await this.#packages.writable(caller, name, 'edit')
    if (head.revision !== change.revision) throw new Fault('STALE_REVISION', { spec: head.npmName })
    if (change.versions.length === 0) return
    await this.#change(caller, { head, kind: 'unpublish' }, async (tx, now, row) => {
      checkRevision(row, change.revision)
      for (const version of change.versions) {
        const found = await removeVersion(tx, { packageId: head.id, version }, now)
        if (!found) this.#missing(name, version)
      }
      await repairLatest(tx, head.id)
      return { versions: change.versions }
    })
  }

  /** Puts `tag` on an existing version. INVALID_TAG, VERSION_NOT_FOUND. */
  async setTag(caller: Caller, name: PackageName, change: { tag: string; version: string }): Promise<void> {
    const head = await this.#packages.writable(caller, name, 'tag')
    const { tag, version } = change
    parseTag(tag)
    if (semver.valid(version) === null) this.#missing(name, version)
    await this.#change(caller, { head, kind: 'tag' }, async (tx) => {
      const row = await findVersion(tx, head.id, version)
      if (!row || row.removed_at !== null || row.yanked_at !== null) this.#missing(name, version)
      await upsertTag(tx, { package_id: head.id, tag, version })
      return { tag, version }
    })
  }

  /** NOT_FOUND; `latest` cannot be removed, since clients cannot do without it. */
  async removeTag(caller: Caller, name: PackageName, tag: string): Promise<void> {
    const head = await this.#packages.writable(caller, name, 'tag')
    if (tag === 'latest') throw new Fault('INVALID_TAG', { tag, why: 'a package always has a "latest"' })
    await this.#change(caller, { head, kind: 'tag' }, async (tx) => {
      if (!(await deleteTag(tx, head.id, tag))) throw new Fault('NOT_FOUND', { what: `tag ${tag}` })
      return { tag }
    })
  }

  /** One change to a package: its revision rises, `work` writes, and what it resolves to is told. */
  async #change(
    caller: Caller,
    { head, kind }: { head: PackageHead; kind: 'deprecate' | 'yank' | 'unpublish' | 'tag' },
    work: (tx: Tx, now: number, row: PackageRow) => Promise<object>,
  ): Promise<void> {
    const at = this.#context.clock.now()
    await this.#context.storage.sql.transaction(async (tx) => {
      const row = await bumpPackage(tx, head.id, at)
      const detail = await work(tx, at, row)
      await tell(tx, caller, { of: head, at, kind, detail })
    })
  }

  #missing(name: PackageName, version: string): never {
    return fail('VERSION_NOT_FOUND', { spec: specOf(name, this.#context.host()), version })
  }

  /** VERSION_EXISTS, unless the same user sends the same tarball again soon: then what the first sending made. */
  async #refuseExisting(user: User, request: PublishRequest): Promise<Published | undefined> {
    const existing = await this.#existing(request)
    if (!existing) return undefined
    const { head, row } = existing
    const { content } = request
    const recent = this.#context.clock.now() - row.published_at < RETRY_WINDOW
    const same =
      content.kind === 'tarball' && content.print.digest === row.tarball && row.publisher === user.id
    if (!recent || !same || row.integrity === null || row.yanked_at !== null) throw this.#exists(request)
    await this.#tagAgain(user, head, { version: row.version, asked: request.tags })
    return { head, version: row.version, integrity: row.integrity }
  }

  /** A repeated publish may ask for other tags than the first; the right to publish, which was judged, is the right to tag. */
  async #tagAgain(
    user: User,
    head: PackageHead,
    { version, asked }: { version: string; asked: readonly string[] },
  ): Promise<void> {
    const current = await currentTags(this.#context.storage.sql.read, head.id)
    for (const tag of tagsForRepeat(current, version, asked))
      await this.#change(user, { head, kind: 'tag' }, async (tx) => {
        await upsertTag(tx, { package_id: head.id, tag, version })
        return { tag, version }
      })
  }

  async #existing({ name, version }: Pick<PublishRequest, 'name' | 'version'>) {
    const head = await this.#packages.findOwn(name)
    const row = head && (await findVersion(this.#context.storage.sql.read, head.id, version))
    return head && row ? { head, row } : undefined
  }

  /** What can be told from the request alone; gives its version, normalised. */
  #check(request: PublishRequest): string {
    const version = parseVersion(request.version)
    checkAccess(request.name, request.access)
    if (request.provenance !== undefined) attestationOf(request.provenance)
    checkDependencies(this.#context, request)
    return version
  }

  #exists(request: Pick<PublishRequest, 'name' | 'version'>): Fault {
    const spec = specOf(request.name, this.#context.host())
    return new Fault('VERSION_EXISTS', { spec, version: request.version })
  }

  async #ready(user: User, request: PublishRequest, made: Made): Promise<ReadyVersion> {
    const manifest = { ...made.manifest, _npmUser: npmUserOf(user, request.staged) }
    const { version, dependencies } = request
    return readyVersion(this.#context, this.#content, {
      version,
      made: { ...made, manifest },
      dependencies,
      publishedAt: this.#context.clock.now(),
      publisher: user.id,
    })
  }

  /**
   * The transaction of a publish: package, version, tags, change. Constraints judge races, not look-ups: on a Conflict somebody was
   * faster, with this very version, or only with making the package, which we then publish into.
   */
  async #insert(
    user: User,
    request: PublishRequest,
    { ready, tries }: { ready: ReadyVersion; tries: number },
  ): Promise<PackageHead> {
    try {
      return await this.#context.storage.sql.transaction((tx) => this.#write(tx, user, { request, ready }))
    } catch (error) {
      if (!(error instanceof Conflict) || tries === 0) throw error
      await this.#packages.mayPublish(user, request.name, request)
      const repeated = await this.#refuseExisting(user, request)
      return repeated ? repeated.head : this.#insert(user, request, { ready, tries: tries - 1 })
    }
  }

  async #write(
    tx: Tx,
    user: User,
    { request, ready: { row, files } }: { request: PublishRequest; ready: ReadyVersion },
  ): Promise<PackageHead> {
    // One moment for the whole act, taken when its turn has come: no package is younger than its versions, and the feed goes forward.
    const at = this.#context.clock.now()
    const owner = await this.#packages.forPublish(tx, user, { ...request, now: at })
    const { id } = owner
    const { version } = row
    await takeStagedNumber(tx, owner.npm_name, { version, staged: request.staged?.id })
    await insertVersion(tx, { ...row, package_id: id, published_at: at })
    await rememberFiles(tx, id, files)
    await keepVouchers(tx, owner, { row, signer: this.#signer, provenance: request.provenance })
    const current = await currentTags(tx, id)
    for (const tag of tagsForPublish(current, version, request.tags))
      await upsertTag(tx, { package_id: id, tag, version })
    const detail = { version, by: user.name }
    await tell(tx, user, { of: headOf(owner), at, kind: 'publish', detail })
    return headOf(owner)
  }
}
