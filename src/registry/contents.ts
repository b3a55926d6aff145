import type { Readable } from 'node:stream'
import type { CompiledQuery } from 'kysely'
import type { Digest } from '../base/digest.ts'
import { fail, isFault } from '../base/fault.ts'
import { type PackageName, specOf } from '../base/name.ts'
import { SingleFlight } from '../base/single-flight.ts'
import type { ByteRange } from '../storage/blobs/blobs.ts'
import { rememberFiles } from '../storage/tables/objects.ts'
import { appendChange, bumpPackage, findPackageById, listTags } from '../storage/tables/packages.ts'
import {
  findVersion,
  listVersionHeads,
  type StoredTarball as StoredTarballRow,
  type TarballOfVersion,
  tarballByName,
  tarballOfVersion,
  updateVersion,
  type VersionSummary,
} from '../storage/tables/versions.ts'
import type { Cache } from './cache.ts'
import type { ContentStore } from './content.ts'
import type { Context } from './context.ts'
import { dependencyMaps, type EntropicManifest, entropicManifest } from './entropic-manifest.ts'
import type { Federation } from './federation.ts'
import { likelyVersions } from './likely-versions.ts'
import type { StoredTarball, Tarball } from './mirror/tarballs.ts'
import type { Mirror } from './mirror.ts'
import type { FileTree, PackageHead, VersionHead } from './model.ts'
import { headOf } from './package-head.ts'
import type { Verdict } from './policy.ts'

/** A stored tarball that everybody may have, and whose package it is. */
export type PublicTarball = StoredTarball & Pick<PackageHead, 'id' | 'source'>

/** Versions being exploded side by side for one package. */
const AT_ONCE = 4

/** What a version holds: its tarball, its files, its Entropic manifest. Mirrored versions are fetched and exploded when first asked for. */
export class Contents {
  readonly #context: Context
  readonly #content: ContentStore
  readonly #mirror: Mirror
  readonly #federation: Federation
  readonly #cache: Cache
  readonly #byName: CompiledQuery<StoredTarballRow>
  readonly #tarballOf: CompiledQuery<TarballOfVersion>
  readonly #explosions = new SingleFlight<VersionHead>()

  constructor(
    context: Context,
    parts: { content: ContentStore; mirror: Mirror; federation: Federation; cache: Cache },
  ) {
    this.#context = context
    this.#content = parts.content
    this.#mirror = parts.mirror
    this.#federation = parts.federation
    this.#cache = parts.cache
    this.#byName = tarballByName(context.storage.sql.read)
    this.#tarballOf = tarballOfVersion(context.storage.sql.read)
  }

  /** The stored tarball of a public package in one indexed read; undefined when it takes more than that to answer. */
  async storedTarball(npmName: string, version: string): Promise<PublicTarball | undefined> {
    const row = await this.#context.storage.sql.first(this.#byName, ['', npmName, version])
    const kept = this.#publicTarball(npmName, row)
    if (kept || row?.source !== 'mirror' || !isPublic(row)) return kept
    const { policy } = this.#mirror
    if (!(await policy.isPlain())) return undefined
    await policy.check(npmName, judgedRow(row))
    return servedTarball(row)
  }

  /** As storedTarball, where it is at hand; undefined: storedTarball knows. */
  storedTarballNow(npmName: string, version: string): PublicTarball | undefined {
    const row = this.#context.storage.sql.firstNow(this.#byName, ['', npmName, version])
    return this.#publicTarball(npmName, row)
  }

  /** A stored tarball of the upstream's was asked for. */
  use({ id, version }: { id: string; version: string }): void {
    this.#mirror.metrics.add('entropic_tarball_requests_total', { from: 'store' })
    this.#cache.note(id, version)
  }

  #publicTarball(npmName: string, row: StoredTarballRow | undefined): PublicTarball | undefined {
    if (!row || !isPublic(row)) return undefined
    if (row.source === 'mirror' && !this.#mirror.policy.allowsNow(npmName, judgedRow(row))) return undefined
    return servedTarball(row)
  }

  /** The tarball, asked for upstream if need be. VERSION_NOT_FOUND, UPSTREAM_…. */
  async tarball(head: PackageHead, version: string): Promise<Tarball> {
    const row = await this.#context.storage.sql.first(this.#tarballOf, [head.id, version])
    const kept = row && row.removed_at === null ? stored(row) : undefined
    if (kept && row && isUpstreams(head)) {
      await this.#mirror.check(head, version, row.published_at)
      this.use({ id: row.package_id, version: row.version })
    }
    if (kept) return kept
    if (head.source === 'mirror' && row?.removed_at == null) {
      this.#mirror.metrics.add('entropic_tarball_requests_total', { from: 'upstream' })
      return this.#mirror.tarball(head, version)
    }
    return this.#missing(head.name, version)
  }

  /** Whether a version may be installed from here, and why. VERSION_NOT_FOUND, UPSTREAM_…. */
  async verdict(head: PackageHead, version: string): Promise<Verdict> {
    if (isUpstreams(head)) return this.#mirror.verdict(head, version)
    return { allowed: true, why: 'it is not mirrored from upstream' }
  }

  /** The versions known here with their Entropic integrities, yanked ones too; mirrored ones as far as they were exploded. */
  async versions(head: PackageHead): Promise<VersionHead[]> {
    const rows = await listVersionHeads(this.#context.storage.sql.read, head.id)
    return rows.filter((row) => row.removed_at === null).map(versionHeadOf)
  }

  /** As versions; those that clients are likely to want are exploded first. One whose tarball cannot be had is left out. */
  async likelyVersions(head: PackageHead): Promise<VersionHead[]> {
    if (head.source === 'mirror') {
      const { names, tags } = await this.#offered(head)
      const exploded = new Set((await this.versions(head)).filter(isExploded).map((known) => known.version))
      const wanted = likelyVersions(names, tags).filter((version) => !exploded.has(version))
      const queue = wanted.values() // the lanes take from one iterator
      await Promise.all(Array.from({ length: AT_ONCE }, () => this.#explodeAll(head, queue)))
    }
    return this.versions(head)
  }

  /** One version, exploded: `tree` and `integrity` are there. VERSION_NOT_FOUND, UPSTREAM_…. */
  async version(
    head: PackageHead,
    version: string,
  ): Promise<VersionHead & { tree: Digest; integrity: Digest }> {
    const row = await findVersion(this.#context.storage.sql.read, head.id, version)
    if (row && row.removed_at !== null) this.#missing(head.name, version)
    const known = row ? versionHeadOf(row) : undefined
    if (row && isUpstreams(head)) await this.#mirror.check(head, version, row.published_at)
    if (known && isExploded(known)) return known
    if (head.source !== 'mirror') this.#missing(head.name, version)
    const exploded = await this.#explosions.run(`${head.id}@${version}`, () => this.#explode(head, version))
    return isExploded(exploded) ? exploded : this.#missing(head.name, version)
  }

  async files(head: PackageHead, version: string): Promise<FileTree> {
    return this.#content.loadTree((await this.version(head, version)).tree)
  }

  /** The files of a tree that is known already. */
  tree(digest: Digest): Promise<FileTree> {
    return this.#content.loadTree(digest)
  }

  async manifest(version: { integrity: Digest }): Promise<EntropicManifest> {
    const bytes = await this.#context.storage.blobs.read(version.integrity)
    // We wrote this blob ourselves and it is addressed by its hash.
    return JSON.parse(bytes.toString()) as EntropicManifest
  }

  open(digest: Digest, range?: ByteRange): Promise<Readable> {
    return this.#context.storage.blobs.open(digest, range)
  }

  /** The bytes of a version's tarball; lost ones of the upstream are fetched again. NOT_FOUND, UPSTREAM_…. */
  async openTarball(
    { packageId, version, digest }: { packageId: string; version: string; digest: Digest },
    range?: ByteRange,
  ): Promise<Readable> {
    try {
      return await this.open(digest, range)
    } catch (error) {
      const row = await findPackageById(this.#context.storage.sql.read, packageId)
      if (!isFault(error, 'NOT_FOUND') || !row || !isUpstreams(headOf(row))) throw error
      await this.#mirror.fetchTarball(headOf(row), version)
      return this.open(digest, range)
    }
  }

  /** Where clients may be sent for the bytes; undefined: they get them from here. Whoever asks is known to be allowed them. */
  link(digest: Digest): Promise<string | undefined> {
    return this.#context.storage.blobs.link(digest)
  }

  async size(digest: Digest): Promise<number> {
    const stat = await this.#context.storage.blobs.stat(digest)
    return stat?.size ?? fail('NOT_FOUND', { what: digest })
  }

  async #explodeAll(head: PackageHead, versions: Iterable<string>): Promise<void> {
    for (const version of versions)
      await this.version(head, version).catch((error: unknown) => {
        if (!isFault(error)) throw error
        this.#context.log.info({ err: error }, `${head.npmName}@${version} is left out`)
      })
  }

  /** Fetches a mirrored version if need be and keeps its files. */
  async #explode(head: PackageHead, version: string): Promise<VersionHead> {
    if (head.name.host === '') await this.#explodeTarball(head, version)
    else await this.#federation.fetch(head, version)
    const row = await findVersion(this.#context.storage.sql.read, head.id, version)
    return row ? versionHeadOf(row) : this.#missing(head.name, version)
  }

  /** The dependencies of a version from npm stay as npm spells them, like those of the original's clones. */
  async #explodeTarball(head: PackageHead, version: string): Promise<void> {
    const print = await this.#mirror.fetchTarball(head, version)
    const { files, unpackedSize } = await this.#content.unpack(print.digest, 'skip')
    const maps = dependencyMaps(await this.#mirror.manifest(head, version), (name) => name)
    const { blobs, sql } = this.#context.storage
    const [tree, entropic] = await Promise.all([
      this.#content.keepTree(files),
      blobs.ingestText(entropicManifest(files, maps)),
    ])
    const now = this.#context.clock.now()
    await sql.transaction(async (tx) => {
      const content = {
        tree,
        integrity: entropic.digest,
        file_count: files.length,
        unpacked_size: unpackedSize,
      }
      await updateVersion(tx, { packageId: head.id, version }, content)
      await rememberFiles(
        tx,
        head.id,
        files.map(({ digest }) => digest),
      )
      await bumpPackage(tx, head.id, now)
      await appendChange(tx, head.id, { at: now, kind: 'refresh', detail: { version } })
    })
  }

  /** What a mirrored package offers where it comes from. */
  async #offered(head: PackageHead): Promise<{ names: string[]; tags: Readonly<Record<string, string>> }> {
    if (head.name.host === '') {
      const { versions, tags } = await this.#mirror.document(head)
      return { names: Array.from(versions, ({ version }) => version), tags }
    }
    const known = await this.versions(head)
    const tags = await listTags(this.#context.storage.sql.read, head.id)
    return {
      names: known.filter((one) => one.yankedAt === undefined).map((one) => one.version),
      tags: Object.fromEntries(tags.map(({ tag, version }) => [tag, version])),
    }
  }

  #missing(name: PackageName, version: string): never {
    return fail('VERSION_NOT_FOUND', { spec: specOf(name, this.#context.host()), version })
  }
}

/** The version a tarball's file name speaks of: `box-1.0.0.tgz` of `@kim/box` → `1.0.0`; undefined when it does not fit. */
export function versionOfTarball(npmName: string, file: string): string | undefined {
  const bare = npmName.slice(npmName.indexOf('/') + 1)
  if (!file.startsWith(`${bare}-`) || !file.endsWith('.tgz')) return undefined
  return file.slice(bare.length + 1, -'.tgz'.length)
}

/** The inverse of versionOfTarball: the canonical path of a version's tarball below the registry's address, without leading slash. */
export function tarballPath(npmName: string, version: string): string {
  const bare = npmName.slice(npmName.indexOf('/') + 1)
  return `${npmName}/-/${bare}-${version}.tgz`
}

function stored(row: Pick<StoredTarballRow, 'tarball' | 'sha1' | 'size' | 'published_at'>) {
  const { tarball: digest, sha1, size, published_at } = row
  if (digest === null || sha1 === null || size === null) return undefined
  return { kind: 'stored' as const, print: { digest, sha1, size }, publishedAt: published_at }
}

const isPublic = (row: StoredTarballRow) => row.access === 'public' && row.removed_at === null

function servedTarball(row: StoredTarballRow): PublicTarball | undefined {
  const kept = stored(row)
  return kept && { ...kept, id: row.package_id, source: row.source }
}

/** As a policy that asks for no manifest wants it. */
function judgedRow({ version, published_at }: Pick<StoredTarballRow, 'version' | 'published_at'>) {
  return { version, publishedAt: published_at, manifest: () => undefined }
}

function isUpstreams(head: PackageHead): boolean {
  return head.source === 'mirror' && head.name.host === ''
}

function isExploded(version: VersionHead): version is VersionHead & { tree: Digest; integrity: Digest } {
  return version.tree !== undefined && version.integrity !== undefined
}

function versionHeadOf(row: VersionSummary): VersionHead {
  return {
    version: row.version,
    tarball: stored(row)?.print,
    tree: row.tree ?? undefined,
    integrity: row.integrity ?? undefined,
    readmeHtml: row.readme_html ?? undefined,
    publishedAt: row.published_at,
    yankedAt: row.yanked_at ?? undefined,
    deprecated: row.deprecated ?? undefined,
  }
}

export type { ByteRange }
