import semver from 'semver'
import type { Fingerprint } from '../../base/digest.ts'
import { Fault, fail, isFault } from '../../base/fault.ts'
import { fromNpmName, LEGACY, type PackageName, parseNamespace } from '../../base/name.ts'
import type { Millis } from '../../base/time.ts'
import type { PackageRow, Tx } from '../../storage/sql/database.ts'
import { findNamespace, insertMembership, insertNamespace } from '../../storage/tables/accounts.ts'
import { rememberFiles } from '../../storage/tables/objects.ts'
import {
  bumpPackage,
  findPackage,
  hasMirroredScope,
  insertPackage,
  listTags,
  newPackage,
  upsertMaintainer,
  upsertTag,
} from '../../storage/tables/packages.ts'
import { insertVersion, listVersionHeads, type VersionSummary } from '../../storage/tables/versions.ts'
import type { Account, Accounts } from '../accounts.ts'
import { CONSOLE, note, tell } from '../audit.ts'
import { importPackage } from '../bundle/import.ts'
import { maintainerRow } from '../claims.ts'
import type { ContentStore } from '../content.ts'
import type { Context } from '../context.ts'
import { ANONYMOUS, type JsonObject } from '../model.ts'
import { takeContent } from '../publish-content.ts'
import { type ReadyVersion, readyVersion } from '../ready-version.ts'
import type { Signer } from '../signer.ts'
import { newestOf } from '../tags.ts'
import { asObject, distOf, type UpstreamDocument } from '../upstream-document.ts'
import { keepVouchers } from '../vouchers.ts'
import { VerdaccioFolder } from './folder.ts'
import { type ImportedUser, importUsers } from './users.ts'

/** What became of one package; `skipped` are versions that could not be taken, with the reason. */
export type TakenPackage = {
  readonly name: string
  readonly kind: 'imported' | 'unchanged' | 'left'
  readonly versions: number
  readonly skipped: readonly string[]
  readonly why?: string
}

export type ImportRequest = {
  readonly folder: string
  /** The account that gets what names no publisher who has one. */
  readonly owner?: string | undefined
  /** Whether to take what was only mirrored there, as far as its tarballs are there. */
  readonly mirrored: boolean
}

type Parts = { accounts: Accounts; content: ContentStore; signer: Signer | undefined }
/** A package on its way in. */
type Arrival = {
  readonly name: PackageName
  readonly npmName: string
  readonly document: UpstreamDocument
  readonly owner: Account
  readonly known: PackageRow | undefined
  readonly ready: readonly ReadyVersion[]
}

/** Brings the storage of a verdaccio here: bytes, dates, tags and deprecations as they were. What is here already stays. */
export class VerdaccioImport {
  readonly #context: Context
  readonly #parts: Parts

  constructor(context: Context, parts: Parts) {
    this.#context = context
    this.#parts = parts
  }

  users(htpasswd: string): Promise<ImportedUser[]> {
    return importUsers(this.#parts.accounts, htpasswd)
  }

  /** One package after the other, each visible whole or not at all; one that cannot be taken is named. BAD_REQUEST, NOT_FOUND. */
  async *packages(request: ImportRequest): AsyncGenerator<TakenPackage> {
    const folder = new VerdaccioFolder(request.folder)
    const { owner: ownerName, mirrored } = request
    const owner = ownerName === undefined ? undefined : await this.#parts.accounts.find(ownerName)
    if (ownerName !== undefined && !owner) fail('NOT_FOUND', { what: `account ${ownerName}` })
    const published = await folder.published()
    for (const npmName of await folder.names()) {
      try {
        const document = await folder.document(npmName)
        const isOurs = published?.has(npmName) ?? Object.keys(document.objectMember('_uplinks')).length === 0
        if (isOurs) yield await this.#take(folder, { npmName, document, owner })
        else if (mirrored) yield await this.#takeMirrored(folder, npmName, document)
      } catch (error) {
        if (!isFault(error)) throw error
        yield { name: npmName, kind: 'left', versions: 0, skipped: [], why: error.message }
      }
    }
  }

  async #take(
    folder: VerdaccioFolder,
    given: { npmName: string; document: UpstreamDocument; owner: Account | undefined },
  ): Promise<TakenPackage> {
    const { npmName, document } = given
    const { read } = this.#context.storage.sql
    const name = fromNpmName(npmName)
    const known = await findPackage(read, '', npmName)
    if (known?.source === 'mirror') throw new Fault('NAME_IS_UPSTREAM', { name: npmName })
    if (known && known.removed_at !== null) fail('CONFLICT', { why: 'it was unpublished here' })
    const owner = (await this.#publisher(document)) ?? given.owner
    if (!owner) return fail('BAD_REQUEST', { why: 'it names no publisher who has an account: --owner NAME' })
    const held = known ? await listVersionHeads(read, known.id) : []
    const ready: ReadyVersion[] = []
    const skipped: string[] = []
    for (const version of document.versions) {
      const before = held.find((row) => row.version === version)
      const manifest = document.manifest(version) ?? {}
      if (before && isSame(before, manifest)) continue
      if (before) skipped.push(`${version}: other content is here, or it was unpublished`)
      else
        await this.#ready(folder, { npmName, version, document, owner })
          .then((one) => ready.push(one))
          .catch((error: unknown) => skipped.push(`${version}: ${reasonOf(error)}`))
    }
    const none = { name: npmName, versions: 0, skipped }
    if (ready.length === 0 && known) return { ...none, kind: 'unchanged' }
    if (ready.length === 0) return { ...none, kind: 'left', why: 'it has no version that can be taken' }
    await this.#context.storage.sql.transaction((tx) =>
      this.#write(tx, { name, npmName, document, owner, known, ready }),
    )
    return { name: npmName, kind: 'imported', versions: ready.length, skipped }
  }

  /** The account of whoever published it, as far as the document tells. */
  async #publisher(document: UpstreamDocument): Promise<Account | undefined> {
    const versions = [...document.versions].map((version) => asObject(document.manifest(version)?._npmUser))
    const maintainers = document.member('maintainers')
    const people = Array.isArray(maintainers) ? maintainers.map(asObject) : []
    for (const person of [...versions.reverse(), ...people]) {
      const account = typeof person?.name === 'string' && (await this.#parts.accounts.find(person.name))
      if (account) return account
    }
    return undefined
  }

  async #ready(
    folder: VerdaccioFolder,
    given: { npmName: string; version: string; document: UpstreamDocument; owner: Account },
  ): Promise<ReadyVersion> {
    const { npmName, version, document, owner } = given
    if (semver.valid(version) !== version) fail('BAD_REQUEST', { why: 'it is no version by semver' })
    const whole = document.manifest(version) ?? {}
    const { dist: _dist, deprecated, readme, _id, ...rest } = whole
    const manifest = { ...rest, name: npmName, version }
    const print = await this.#ingest(folder, { npmName, version, manifest: whole })
    const { content } = this.#parts
    const made = await takeContent(this.#context, content, { manifest, print, readme: textOf(readme) })
    const publishedAt = document.publishedAt(version) ?? this.#context.clock.now()
    const arrived = { version, made, publishedAt, publisher: owner.id }
    const { row, files } = await readyVersion(this.#context, content, arrived)
    return { row: { ...row, deprecated: textOf(deprecated) ?? null }, files }
  }

  /** The tarball as it is, if it is what lock files were promised. */
  #ingest(
    folder: VerdaccioFolder,
    { npmName, version, manifest }: { npmName: string; version: string; manifest: JsonObject },
  ): Promise<Fingerprint> {
    const { integrity, shasum } = distOf(manifest)
    return this.#context.storage.blobs.ingest(folder.tarball(npmName, version), {
      ...(integrity !== undefined && { integrity }),
      ...(shasum !== undefined && { sha1: shasum }),
      limit: this.#context.limits.tarball,
      what: 'The tarball',
    })
  }

  async #write(tx: Tx, { name, npmName, document, owner, known, ready }: Arrival): Promise<void> {
    const now = this.#context.clock.now()
    const created = document.publishedAt('created') ?? now
    const before = known ?? { ...newPackage(name, 'local', now), created_at: created }
    if (!known) {
      await insertPackage(tx, before)
      await this.#own(tx, before, { name, owner, now })
    }
    const row = await bumpPackage(tx, before.id, now)
    const of = { id: row.id, npmName }
    for (const { row: version, files } of ready) {
      await insertVersion(tx, { ...version, package_id: row.id })
      await rememberFiles(tx, row.id, files)
      await keepVouchers(tx, row, { row: version, signer: this.#parts.signer, provenance: undefined })
      const detail = { version: version.version, by: owner.name }
      await tell(tx, ANONYMOUS, { of, at: now, kind: 'publish', detail })
    }
    await this.#tag(tx, row.id, { document, ready })
  }

  /** The maintainers: the scope, made on the way if need be, and whoever owns the package. */
  async #own(
    tx: Tx,
    { id, npm_name: npmName }: PackageRow,
    { name, owner, now }: { name: PackageName; owner: Account; now: Millis },
  ): Promise<void> {
    const scope = name.namespace === LEGACY ? undefined : parseNamespace(name.namespace)
    if (scope !== undefined && !(await findNamespace(tx, scope))) {
      if (await hasMirroredScope(tx, scope)) throw new Fault('NAME_IS_UPSTREAM', { name: npmName })
      await insertNamespace(tx, { name: scope, created_at: now, created_by: owner.id })
      const membership = { invited_by: null, invited_at: now, accepted_at: now }
      await insertMembership(tx, { namespace: scope, account_id: owner.id, role: 'owner', ...membership })
      await note(tx, { at: now, by: CONSOLE }, { action: 'namespace.create', subject: scope })
    }
    for (const namespace of new Set([scope ?? owner.name, owner.name]))
      await upsertMaintainer(tx, maintainerRow(id, namespace, { now, by: null }))
    await tell(tx, ANONYMOUS, { of: { id, npmName }, at: now, kind: 'create', detail: { by: owner.name } })
  }

  /** Tags as they were there; one that is here already moves to what was just taken alone. */
  async #tag(
    tx: Tx,
    packageId: string,
    { document, ready }: Pick<Arrival, 'document' | 'ready'>,
  ): Promise<void> {
    const here = new Set((await listTags(tx, packageId)).map(({ tag }) => tag))
    const stored = new Set((await listVersionHeads(tx, packageId)).map(({ version }) => version))
    const taken = new Set(ready.map(({ row }) => row.version))
    const newest = newestOf([...stored])
    const wanted = { ...(newest !== undefined && { latest: newest }), ...document.objectMember('dist-tags') }
    for (const [tag, version] of Object.entries(wanted)) {
      if (typeof version !== 'string' || !stored.has(version)) continue
      if (!here.has(tag) || taken.has(version)) await upsertTag(tx, { package_id: packageId, tag, version })
    }
  }

  /** Takes it as from a bundle: the document cut to the versions whose tarballs are there. */
  async #takeMirrored(
    folder: VerdaccioFolder,
    npmName: string,
    document: UpstreamDocument,
  ): Promise<TakenPackage> {
    const prints = new Map<string, Fingerprint>()
    const skipped: string[] = []
    for (const version of document.versions) {
      const manifest = document.manifest(version) ?? {}
      if (semver.valid(version) !== version) continue
      await this.#ingest(folder, { npmName, version, manifest })
        .then((print) => prints.set(version, print))
        // Whatever nobody installed there has no tarball there.
        .catch((error: unknown) => isMissing(error) || skipped.push(`${version}: ${reasonOf(error)}`))
    }
    const taken = { name: npmName, versions: prints.size, skipped }
    if (prints.size === 0) return { ...taken, kind: 'left', why: 'no tarball of it is there' }
    const text = JSON.stringify(cut(document, new Set(prints.keys())))
    const versions = [...prints].map(([version, { digest, size }]) => [version, { digest, size }])
    const imported = await importPackage(
      this.#context,
      {
        name: npmName,
        document: await this.#context.storage.blobs.ingestText(text),
        versions: Object.fromEntries(versions),
      },
      {
        from: 'verdaccio',
        created: this.#context.clock.now(),
        prints: new Map([...prints.values()].map((print) => [print.digest, print])),
      },
    )
    if (imported.kind === 'left') return { ...taken, kind: 'left', why: imported.why }
    return { ...taken, kind: imported.kind, versions: imported.kind === 'imported' ? prints.size : 0 }
  }
}

function cut(document: UpstreamDocument, kept: ReadonlySet<string>): JsonObject {
  const tags = Object.entries(document.objectMember('dist-tags'))
  const held = tags.filter(([, version]) => typeof version === 'string' && kept.has(version))
  const newest = newestOf([...kept])
  return {
    name: document.member('name'),
    readme: document.member('readme'),
    time: document.objectMember('time'),
    'dist-tags': { ...(newest !== undefined && { latest: newest }), ...Object.fromEntries(held) },
    versions: Object.fromEntries([...kept].map((version) => [version, document.manifest(version)])),
  }
}

/** Whether the version here is the one that is promised there. */
function isSame(row: VersionSummary, manifest: JsonObject): boolean {
  const { integrity, shasum } = distOf(manifest)
  return row.removed_at === null && (row.tarball === integrity || row.sha1 === shasum?.toLowerCase())
}

function textOf(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

/** Why a version cannot be taken; what is no fault of its bytes is thrown on. */
function reasonOf(error: unknown): string {
  if (isMissing(error)) return 'its tarball is not there'
  if (isFault(error)) return error.message
  throw error
}
