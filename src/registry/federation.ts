import { buffer } from 'node:stream/consumers'
import semver from 'semver'
import type { Digest } from '../base/digest.ts'
import { Fault, fail, isFault } from '../base/fault.ts'
import {
  canonicalOf,
  LEGACY,
  npmNameOf,
  type PackageName,
  parseLocalName,
  parseNamespace,
  parseNpmName,
} from '../base/name.ts'
import { SingleFlight } from '../base/single-flight.ts'
import type { PackageRow } from '../storage/sql/database.ts'
import { rememberFiles } from '../storage/tables/objects.ts'
import { findPackage } from '../storage/tables/packages.ts'
import { findUpstreamDocument, touchUpstreamDocument } from '../storage/tables/upstream.ts'
import { findVersion, listVersionHeads, updateVersion } from '../storage/tables/versions.ts'
import type { ContentStore } from './content.ts'
import type { Context } from './context.ts'
import {
  type PeerManifest,
  parseCanonical,
  parsePeerManifest,
  parsePeerPackage,
} from './federation/documents.ts'
import { writePeerPackage } from './federation/rows.ts'
import type { MirrorPolicy } from './mirror.ts'
import type { DependencyMap, FileEntry } from './model.ts'
import type { Network } from './network.ts'
import { byBytes } from './paths.ts'
import type { Upstream } from './upstream.ts'

const MAX_DOCUMENT = 16 * 2 ** 20
/** Objects of one version being fetched side by side. */
const AT_ONCE = 8
/** Versions fetched for the sake of one publish, dependencies of dependencies and all. */
const MOST_GATHERED = 500

/**
 * Packages of other registries that speak this API. What is fetched is verified, hash by hash from the package document down, and kept, so that it
 * outlives an absent peer. Only hosts that the operator names are asked.
 */
export class Federation {
  readonly #context: Context
  readonly #content: ContentStore
  readonly #network: Network
  readonly #policy: MirrorPolicy
  /** By the host that their packages carry. */
  readonly #peers: ReadonlyMap<string, Upstream>
  readonly #asking = new SingleFlight<PackageRow>()
  readonly #fetching = new SingleFlight<PeerManifest>()
  readonly #underWay = new Set<Promise<unknown>>()
  readonly #closing = new AbortController()

  constructor(
    context: Context,
    parts: { content: ContentStore; network: Network; policy: MirrorPolicy; peers: readonly Upstream[] },
  ) {
    this.#context = context
    this.#content = parts.content
    this.#network = parts.network
    this.#policy = parts.policy
    this.#peers = new Map(parts.peers.map((peer) => [new URL(peer.url).host, peer]))
  }

  /**
   * A package of another host, asked there when our copy is old or missing; the copy we have when that fails. FORBIDDEN for a host
   * nobody named, INVALID_NAME, PACKAGE_NOT_FOUND, UPSTREAM_….
   */
  async package(asked: PackageName): Promise<PackageRow> {
    const name = parsed(asked)
    const peer = this.#peerOf(name.host)
    const { read } = this.#context.storage.sql
    const row = await findPackage(read, name.host, npmNameOf(name))
    const stored = row && (await findUpstreamDocument(read, row.id))
    const age = this.#context.clock.now() - (stored?.checked_at ?? Number.NEGATIVE_INFINITY)
    if (row && age < this.#policy.packumentTtl) return row
    const mode = await this.#network.mode()
    if (row && mode !== 'online') return row
    const spec = canonicalOf(name, '')
    if (mode === 'offline') return fail('PACKAGE_NOT_FOUND', { spec, why: 'the registry is offline' })
    return this.#asking
      .run(spec, () => this.#ask(peer, name))
      .catch((error: unknown) => {
        if (!row || !isFault(error)) throw error
        this.#context.log.warn({ err: error, name: spec }, 'another registry failed: the stored copy stays')
        return row
      })
  }

  /** Fetches a version's manifest and files. VERSION_NOT_FOUND, UPSTREAM_…. */
  async fetch(target: { id: string; name: PackageName }, version: string): Promise<PeerManifest> {
    const spec = canonicalOf(target.name, '')
    const row = await findVersion(this.#context.storage.sql.read, target.id, version)
    const integrity = row?.integrity ?? fail('VERSION_NOT_FOUND', { spec, version })
    const what = `${spec} at ${version}`
    if (row?.tree === null && (await this.#network.isOffline()))
      return fail('PACKAGE_NOT_FOUND', { spec: what, why: 'the registry is offline' })
    return this.#fetching.run(`${target.id}@${version}`, async () => {
      const fetching = { peer: this.#peerOf(target.name.host), what }
      const manifest = await this.#manifest(fetching, integrity)
      if (row?.tree === null) await this.#store(target.id, version, await this.#files(fetching, manifest))
      return manifest
    })
  }

  /** Fetches, behind the caller's back, what a version depends on at other registries, and what that depends on there. */
  gather(dependencies: readonly DependencyMap[]): void {
    if (this.#peers.size === 0) return
    const work = this.#gatherOnline(dependencies).finally(() => this.#underWay.delete(work))
    this.#underWay.add(work)
  }

  /** Gives up whatever is under way and closes the peers. */
  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.allSettled(this.#underWay)
    await Promise.all([...this.#peers.values()].map((peer) => peer.close()))
  }

  #peerOf(host: string): Upstream {
    const why = `"${host}" is not a registry this one fetches from; its operator can name it in FEDERATION_HOSTS.`
    return this.#peers.get(host) ?? fail('FORBIDDEN', { why })
  }

  async #ask(peer: Upstream, name: PackageName): Promise<PackageRow> {
    const { clock, log, storage } = this.#context
    const spec = canonicalOf(name, '')
    const bytes = await this.#document({ peer, what: spec }, `/v1/packages/package/${spec}`)
    const document = parsePeerPackage(bytes.toString(), spec)
    const { digest, size } = await storage.blobs.ingestText(bytes.toString())
    const now = clock.now()
    const known = await findPackage(storage.sql.read, name.host, npmNameOf(name))
    const stored = known && (await findUpstreamDocument(storage.sql.read, known.id))
    if (known && stored?.document === digest) {
      await storage.sql.transaction((tx) => touchUpstreamDocument(tx, known.id, { checked_at: now }))
      return known
    }
    const origin = { upstream: peer.url, encoding: 'identity', etag: null, last_modified: null } as const
    const kept = { ...origin, document: digest, size, fetched_at: now, checked_at: now }
    const { row, refused } = await storage.sql.transaction((tx) =>
      writePeerPackage(tx, { name, document, stored: kept }),
    )
    for (const version of refused)
      log.error({ name: spec, version }, 'another registry changed a published version: refused, ours stays')
    return row
  }

  /** The manifest, verified; from our store when it is there. */
  async #manifest({ peer, what }: Fetching, integrity: Digest): Promise<PeerManifest> {
    const { blobs } = this.#context.storage
    if (!(await blobs.stat(integrity))) await this.#object({ peer, what }, integrity, MAX_DOCUMENT)
    return blamed(what, async () => parsePeerManifest((await blobs.read(integrity)).toString(), what))
  }

  async #files(fetching: Fetching, { files }: PeerManifest): Promise<FileEntry[]> {
    const { limits } = this.#context
    if (files.size > limits.files) return invalid(fetching.what, `it has more than ${limits.files} files`)
    const entries: FileEntry[] = []
    let left = limits.unpacked
    const queue = files.entries() // the lanes take from one iterator
    const lane = async () => {
      for (const [path, digest] of queue) {
        const size = await this.#object(fetching, digest, left)
        left -= size
        entries.push({ path, digest, size, executable: false })
      }
    }
    await Promise.all(Array.from({ length: AT_ONCE }, lane))
    return entries.sort((a, b) => byBytes(a.path, b.path))
  }

  async #store(packageId: string, version: string, files: readonly FileEntry[]): Promise<void> {
    const tree = await this.#content.keepTree(files)
    const unpacked_size = files.reduce((sum, file) => sum + file.size, 0)
    const content = { tree, file_count: files.length, unpacked_size }
    const digests = files.map(({ digest }) => digest)
    await this.#context.storage.sql.transaction(async (tx) => {
      await updateVersion(tx, { packageId, version }, content)
      await rememberFiles(tx, packageId, digests)
    })
  }

  /** Makes sure that an object is stored; resolves to its size. */
  async #object({ peer, what }: Fetching, digest: Digest, limit: number): Promise<number> {
    const { blobs } = this.#context.storage
    const known = await blobs.stat(digest)
    if (known) return known.size
    const address = `${peer.url}/v1/objects/object/sha512/${encodeURIComponent(digest.slice('sha512-'.length))}`
    const answer = await peer.tarball(what, address, this.#closing.signal)
    if (answer.kind === 'absent') return invalid(what, `its object ${digest} is not there`)
    return blamed(what, async () => (await blobs.ingest(answer.body, { integrity: digest, limit })).size)
  }

  async #document({ peer, what }: Fetching, path: string): Promise<Buffer> {
    const answer = await peer.tarball(what, peer.url + path, this.#closing.signal)
    if (answer.kind === 'absent') return fail('PACKAGE_NOT_FOUND', { spec: what, why: answer.why })
    return buffer(bounded(answer.body, what))
  }

  async #gatherOnline(dependencies: readonly DependencyMap[]): Promise<void> {
    if (!(await this.#network.isOffline())) await this.#gather(dependencies, new Set())
  }

  async #gather(maps: readonly DependencyMap[], seen: Set<string>): Promise<void> {
    for (const [canonical, range] of maps.flatMap((map) => Object.entries(map))) {
      const name = parseCanonical(canonical)
      if (!name || !this.#peers.has(name.host) || seen.size >= MOST_GATHERED) continue
      try {
        const row = await this.package(name)
        const versions = await listVersionHeads(this.#context.storage.sql.read, row.id)
        const offered = versions.filter((one) => one.yanked_at === null).map((one) => one.version)
        const version = semver.maxSatisfying(offered, range)
        if (version === null || seen.has(`${row.id}@${version}`)) continue
        seen.add(`${row.id}@${version}`)
        await this.#gather((await this.fetch({ id: row.id, name }, version)).dependencies, seen)
      } catch (err) {
        this.#context.log.warn({ err, name: canonical }, 'a dependency at another registry was not fetched')
      }
    }
  }
}

type Fetching = { readonly peer: Upstream; readonly what: string }

function parsed({ namespace, host, name }: PackageName): PackageName {
  const checked = namespace === LEGACY ? parseNpmName(name) : parseLocalName(name)
  return { namespace: parseNamespace(namespace), host: host.toLowerCase(), name: checked }
}

async function* bounded(body: AsyncIterable<Uint8Array>, what: string): AsyncGenerator<Uint8Array> {
  let size = 0
  for await (const chunk of body) {
    size += chunk.length
    if (size > MAX_DOCUMENT) invalid(what, `its document is larger than ${MAX_DOCUMENT} bytes`)
    yield chunk
  }
}

/** What would be the caller's fault is the other registry's when it sent the bytes. */
async function blamed<T>(what: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (error) {
    if (!isFault(error, 'INTEGRITY_MISMATCH', 'TOO_LARGE', 'INVALID_PATH')) throw error
    throw new Fault('UPSTREAM_INVALID', { what, why: error.message }, { cause: error })
  }
}

function invalid(what: string, why: string): never {
  throw new Fault('UPSTREAM_INVALID', { what, why })
}
