import { setTimeout as wait } from 'node:timers/promises'
import type { Fingerprint } from '../base/digest.ts'
import { Fault, fail, isFault } from '../base/fault.ts'
import type { Log } from '../base/log.ts'
import { SingleFlight } from '../base/single-flight.ts'
import { type Clock, iso, type Millis, seconds } from '../base/time.ts'
import { cameVia } from '../base/via.ts'
import type { PackageRow } from '../storage/sql/database.ts'
import type { Storage } from '../storage/storage.ts'
import { findPackage } from '../storage/tables/packages.ts'
import { listPinnedVersions } from '../storage/tables/upstream.ts'
import { findVersion } from '../storage/tables/versions.ts'
import { KnownAdvisories } from './advisories/known.ts'
import { Metrics } from './metrics.ts'
import { Asked } from './mirror/asked.ts'
import { StoredDocuments } from './mirror/documents.ts'
import { Insides } from './mirror/insides.ts'
import { noUpstream } from './mirror/no-upstream.ts'
import { type Pins, packageDocOf } from './mirror/package-doc.ts'
import { Reach } from './mirror/reach.ts'
import { Refresher } from './mirror/refresh.ts'
import { type Fetched, type Tarball, type TarballSource, Tarballs } from './mirror/tarballs.ts'
import type { JsonObject, Manifest, PackageDoc, PackageHead } from './model.ts'
import type { Network, NetworkMode } from './network.ts'
import { Policy, type PolicyRules, type Verdict } from './policy.ts'
import type { Upstream } from './upstream.ts'
import { distOf, type UpstreamDocument } from './upstream-document.ts'

export type MirrorPolicy = {
  /** A copy checked less than this ago is taken for current. */
  readonly packumentTtl: Millis
  /** A copy checked less than this ago is good enough to answer with while it is refreshed; an older one is waited for. */
  readonly staleLimit: Millis
  /** How long an answer waits for upstream when there is a stale copy to fall back on. */
  readonly patience?: Millis
  /** The network mode whatever is stored; absent: as stored. */
  readonly mode?: NetworkMode
  /** By an upstream's address: no mode less strict than this. */
  readonly modes?: ReadonlyMap<string, NetworkMode>
}

export type MirrorDeps = {
  readonly storage: Storage
  /** Closed with the mirror. Absent: what was brought here by file is all there is. */
  readonly upstream?: Upstream
  readonly clock: Clock
  readonly log: Log
  readonly network: Network
  readonly policy: MirrorPolicy
  /** Absent: everything is offered. */
  readonly rules?: PolicyRules
}

/** After a failure, a copy is served as it is for so long before upstream is tried again. */
const RESPITE = seconds(15)
const STRONG_ENOUGH = /\bsha(?:1|256|384|512)-/

type StoredVersion = { readonly manifest: JsonObject; readonly publishedAt: Millis | undefined }

export function createMirror(deps: MirrorDeps): Mirror {
  return new Mirror(deps)
}

/** Packages of the upstream registry: kept as they came, current as far as policy wants, there for ever once fetched. */
export class Mirror {
  readonly policy: Policy
  readonly known: KnownAdvisories
  readonly metrics = new Metrics()
  readonly reach: Reach
  readonly #storage: Storage
  readonly #upstream: Upstream
  readonly #clock: Clock
  readonly #log: Log
  readonly #freshness: MirrorPolicy
  readonly #documents: StoredDocuments
  readonly #refresher: Refresher
  readonly #tarballs: Tarballs
  readonly #insides: Insides
  readonly #asking = new SingleFlight<PackageRow>()
  readonly #underWay = new Set<Promise<unknown>>()
  readonly #asked: Asked
  readonly #closing = new AbortController()

  constructor(deps: MirrorDeps) {
    const upstream = deps.upstream ?? noUpstream
    this.#storage = deps.storage
    this.#upstream = upstream
    this.reach = new Reach({ ...deps, upstream, hasUpstream: deps.upstream !== undefined })
    this.#clock = deps.clock
    this.#asked = new Asked(deps.clock)
    this.#log = deps.log
    this.#freshness = deps.policy
    this.known = new KnownAdvisories(deps.storage.sql, deps.clock)
    this.policy = new Policy(deps.clock, deps.rules ?? {}, this.known)
    this.#documents = new StoredDocuments(deps.storage)
    this.#refresher = new Refresher({ ...deps, upstream, metrics: this.metrics, documents: this.#documents })
    this.#tarballs = new Tarballs({ ...deps, upstream, metrics: this.metrics, policy: this.policy })
    this.#insides = new Insides({ ...deps, policy: this.policy })
  }

  /**
   * The package's row as policy wants it for answering now. A young copy costs nothing; an older one is refreshed behind the answer; one past the
   * stale limit is waited for, a little. Never fails: the copy outlives an upstream that is down.
   */
  async current(row: PackageRow): Promise<PackageRow> {
    const now = this.#clock.now()
    if (this.isYoung(row)) return row
    if ((await this.reach.mode(row.npm_name)) !== 'online') return row
    const stored = await this.#documents.row(row.id)
    const at = stored?.checked_at ?? Number.NEGATIVE_INFINITY
    if (now - at < this.#freshness.packumentTtl) {
      this.#asked.note(row.npm_name, { at, respite: this.#freshness.packumentTtl })
      return row
    }
    const refreshed = this.fresh(row)
    return now - at < this.#freshness.staleLimit ? row : refreshed
  }

  /** Whether the copy is known to be young enough to answer with it as it is. */
  isYoung({ npm_name: name }: Pick<PackageRow, 'npm_name'>): boolean {
    return this.#asked.isYoung(name)
  }

  /** Asks upstream whatever the copy's age and waits, a little; resolves to the copy we have when no news came. Never fails. */
  async fresh(row: PackageRow): Promise<PackageRow> {
    if (await this.reach.isOffline(row.npm_name)) return row
    return this.#askPatiently(row.npm_name).catch(() => row)
  }

  /**
   * Asks upstream for a package, one request however many ask. Resolves to the copy we hold when upstream fails.
   * PACKAGE_NOT_FOUND, UPSTREAM_UNAVAILABLE, UPSTREAM_TIMEOUT, UPSTREAM_INVALID.
   */
  async refresh(npmName: string): Promise<PackageRow> {
    try {
      if (await this.reach.isOffline(npmName))
        fail('PACKAGE_NOT_FOUND', { spec: npmName, why: this.reach.whyNot(npmName) })
      return await this.#ask(npmName)
    } catch (error) {
      const row = await findPackage(this.#storage.sql.read, '', npmName)
      if (row?.source === 'mirror') return row
      throw error
    }
  }

  /** The package as stored, ready for rendering. PACKAGE_NOT_FOUND; UPSTREAM_… when its bytes were lost and cannot be fetched anew. */
  async document(head: PackageHead): Promise<PackageDoc> {
    const parts = [this.#open(head), this.#pins(head), this.#insides.known(head)] as const
    const [document, pins, insides] = await Promise.all(parts)
    const judge = await this.policy.judgeOf(head.npmName)
    return packageDocOf(head, document, { pins, insides, judge })
  }

  /** A version's package.json as upstream has it, `dist` and all. VERSION_NOT_FOUND, UPSTREAM_…. */
  async manifest(head: PackageHead, version: string): Promise<Manifest> {
    return { ...(await this.#version(head, version)).manifest, name: head.npmName, version }
  }

  /** Whether a version is offered here, and why. VERSION_NOT_FOUND, UPSTREAM_…. */
  async verdict(head: PackageHead, version: string): Promise<Verdict> {
    const row = await findVersion(this.#storage.sql.read, head.id, version)
    if (row?.removed_at)
      return {
        allowed: false,
        why: `upstream withdrew it, noticed on ${iso(row.removed_at)}; it is kept aside`,
      }
    const { publishedAt = head.createdAt, manifest } = await this.#version(head, version)
    const contained = await this.#insides.of(head, version)
    const judge = await this.policy.judgeOf(head.npmName)
    return judge({ version, publishedAt, manifest: () => manifest, contained })
  }

  /** FORBIDDEN, with the reason, for a version that policy withholds. */
  async check(head: PackageHead, version: string, publishedAt: Millis): Promise<void> {
    const manifest = this.policy.readsManifests ? (await this.#version(head, version)).manifest : {}
    const contained = await this.#insides.of(head, version)
    await this.policy.check(head.npmName, { version, publishedAt, manifest: () => manifest, contained })
  }

  /** Where a version's tarball is upstream and what must hold of it. VERSION_NOT_FOUND, UPSTREAM_…. */
  async tarballOf(head: PackageHead, version: string): Promise<TarballSource> {
    await this.#settle(head)
    const { manifest, publishedAt } = await this.#version(head, version)
    const { tarball, integrity, shasum } = distOf(manifest)
    const bare = head.npmName.slice(head.npmName.indexOf('/') + 1)
    return {
      url: tarball ?? `${this.#upstream.for(head.npmName).url}/${head.npmName}/-/${bare}-${version}.tgz`,
      integrity: integrity !== undefined && STRONG_ENOUGH.test(integrity) ? integrity : undefined,
      shasum,
      publishedAt: publishedAt ?? this.#clock.now(),
    }
  }

  /**
   * A tarball, as soon as there is something to send; one that is not stored yet is stored on its way. Where rules ask what it holds, there is nothing
   * to send before it has been looked into. VERSION_NOT_FOUND, FORBIDDEN, PACKAGE_NOT_FOUND when offline, UPSTREAM_….
   */
  async tarball(head: PackageHead, version: string): Promise<Tarball> {
    if (!this.policy.readsManifests) return this.#tarballs.get(this.#wanted(head, version))
    return { kind: 'stored', fetched: true, ...(await this.#fetch(head, version)) }
  }

  /** As tarball, resolving when it is stored. */
  async fetchTarball(head: PackageHead, version: string): Promise<Fingerprint> {
    return (await this.#fetch(head, version)).print
  }

  async #fetch(head: PackageHead, version: string): Promise<Fetched> {
    const fetched = await this.#tarballs.fetch(this.#wanted(head, version))
    if (this.policy.readsManifests) await this.check(head, version, fetched.publishedAt)
    return fetched
  }

  /** Gives up whatever is under way, waits for its end and closes the upstream. */
  async close(): Promise<void> {
    this.#closing.abort()
    await Promise.allSettled([...this.#underWay, this.#tarballs.close()])
    await this.#upstream.close()
  }

  #wanted(head: PackageHead, version: string) {
    const source = async () => {
      if (!(await this.reach.isOffline(head.npmName))) {
        const source = await this.tarballOf(head, version)
        await this.check(head, version, source.publishedAt)
        return source
      }
      const spec = `${head.npmName}@${version}`
      return fail('PACKAGE_NOT_FOUND', { spec, why: this.reach.whyNot(spec) })
    }
    return { head, version, source }
  }

  /** Where another upstream took the place of the one that a document came from, it says anew where things lie. */
  async #settle(head: PackageHead): Promise<void> {
    const stored = await this.#documents.row(head.id)
    const { url } = this.#upstream.for(head.npmName)
    if (stored && stored.upstream !== url) await this.#askPatiently(head.npmName)
  }

  #ask(npmName: string): Promise<PackageRow> {
    // Who comes from a registry that we ask must not wait for the very answer that waits for him.
    return this.#asking.run([npmName, ...cameVia()].join(' '), () => {
      const work = this.#askNow(npmName).finally(() => this.#underWay.delete(work))
      this.#underWay.add(work)
      return work
    })
  }

  async #askNow(npmName: string): Promise<PackageRow> {
    const note = (respite: Millis) => this.#asked.note(npmName, { respite })
    try {
      const row = await this.#refresher.ask(npmName, this.#closing.signal)
      note(this.#freshness.packumentTtl)
      return row
    } catch (err) {
      if (isFault(err, 'PACKAGE_NOT_FOUND', 'UPSTREAM_LOOP')) throw err
      note(Math.min(RESPITE, this.#freshness.packumentTtl))
      this.#log.warn({ err, name: npmName }, 'upstream could not be asked for a package')
      throw err
    }
  }

  /** As #ask, throwing UPSTREAM_TIMEOUT when it takes longer than an answer may wait; the asking goes on. */
  async #askPatiently(npmName: string): Promise<PackageRow> {
    const answered = new AbortController()
    const patience = this.#freshness.patience ?? seconds(5)
    const late = wait(patience, undefined, { signal: answered.signal }).then(() => {
      throw new Fault('UPSTREAM_TIMEOUT', { what: npmName, why: 'it is slow' })
    })
    late.catch(() => undefined)
    return Promise.race([this.#ask(npmName), late]).finally(() => answered.abort())
  }

  /** A version's object; upstream is asked once more when the copy lacks it. An upstream that fails is no proof of absence. */
  async #version(head: PackageHead, version: string): Promise<StoredVersion> {
    const known = await this.#storedVersion(head, version)
    if (known) return known
    if (!(await this.reach.isOffline(head.npmName)) && !this.#asked.isRecent(head.npmName))
      await this.#askPatiently(head.npmName)
    const found = await this.#storedVersion(head, version)
    return found ?? fail('VERSION_NOT_FOUND', { spec: head.npmName, version })
  }

  async #storedVersion(head: PackageHead, version: string): Promise<StoredVersion | undefined> {
    const [document, pins] = await Promise.all([this.#open(head), this.#pins(head)])
    const manifest = pins.get(version) ?? document.manifest(version)
    return manifest && { manifest, publishedAt: document.publishedAt(version) }
  }

  /** The stored document; fetched anew when it or its bytes are lost. PACKAGE_NOT_FOUND, UPSTREAM_…. */
  async #open(head: PackageHead): Promise<UpstreamDocument> {
    const held = await this.#held(head)
    if (held) return held
    if (await this.reach.isOffline(head.npmName))
      return fail('PACKAGE_NOT_FOUND', { spec: head.npmName, why: this.reach.whyNot(head.npmName) })
    await this.#ask(head.npmName)
    return (await this.#held(head)) ?? fail('PACKAGE_NOT_FOUND', { spec: head.npmName })
  }

  async #held(head: PackageHead): Promise<UpstreamDocument | undefined> {
    const row = await this.#documents.row(head.id)
    if (!row) return undefined
    return this.#documents.open(row).catch((error: unknown) => {
      if (isFault(error, 'NOT_FOUND')) return undefined
      throw error
    })
  }

  async #pins(head: PackageHead): Promise<Pins> {
    const rows = await listPinnedVersions(this.#storage.sql.read, head.id)
    // Written by us from an object we had parsed.
    return new Map(rows.map(({ version, manifest }) => [version, JSON.parse(manifest ?? '{}') as JsonObject]))
  }
}
