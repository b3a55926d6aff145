import type { Readable } from 'node:stream'
import type { CompiledQuery } from 'kysely'
import type { Digest, Fingerprint } from '../../base/digest.ts'
import { Fault, fail, isFault } from '../../base/fault.ts'
import type { Log } from '../../base/log.ts'
import type { Clock, Millis } from '../../base/time.ts'
import { cameVia } from '../../base/via.ts'
import type { Expectation } from '../../storage/blobs/blobs.ts'
import { Download } from '../../storage/blobs/download.ts'
import type { Storage } from '../../storage/storage.ts'
import { bumpPackage, findPackageById } from '../../storage/tables/packages.ts'
import { upsertUses } from '../../storage/tables/uses.ts'
import {
  type TarballOfVersion,
  tarballOfVersion,
  upsertMirroredVersion,
} from '../../storage/tables/versions.ts'
import type { Metrics } from '../metrics.ts'
import type { PackageHead } from '../model.ts'
import type { Policy } from '../policy.ts'
import { isMisnamed } from '../policy-rows.ts'
import type { Upstream } from '../upstream.ts'
import { type Contained, Inspection } from './inspection.ts'
import { mirroredVersion } from './rows.ts'

/** Where a version's tarball is upstream, and what must hold of its bytes. */
export type TarballSource = {
  readonly url: string
  /** SRI text. */
  readonly integrity: string | undefined
  /** sha1 in hex; counts where there is no integrity. */
  readonly shasum: string | undefined
  readonly publishedAt: Millis
}

/** A tarball at rest. */
export type Fetched = { readonly print: Fingerprint; readonly publishedAt: Millis }

export type StoredTarball = Fetched & {
  readonly kind: 'stored'
  /** It was asked for upstream, and has arrived already. */
  readonly fetched?: true
  /** Its bytes, where they are still at hand. */
  readonly bytes?: Buffer
}

/** A tarball ready to be sent: at rest, or still arriving from upstream. */
export type Tarball =
  | StoredTarball
  | { readonly kind: 'growing'; readonly size: number | undefined; follow(): Readable }

export type Wanted = {
  readonly head: PackageHead
  readonly version: string
  /** Asked for only when no download of it is under way. */
  readonly source: () => Promise<TarballSource>
}

/** Fetches tarballs: one download a version, however many ask, and it goes on when they hang up. */
export class Tarballs {
  readonly #storage: Storage
  readonly #upstream: Upstream
  readonly #clock: Clock
  readonly #log: Log
  readonly #metrics: Metrics
  readonly #policy: Policy
  readonly #running = new Map<string, Promise<Running>>()
  readonly #closing = new AbortController()
  readonly #tarballOf: CompiledQuery<TarballOfVersion>

  constructor(parts: {
    storage: Storage
    upstream: Upstream
    clock: Clock
    log: Log
    metrics: Metrics
    policy: Policy
  }) {
    this.#storage = parts.storage
    this.#tarballOf = tarballOfVersion(parts.storage.sql.read)
    this.#upstream = parts.upstream
    this.#clock = parts.clock
    this.#log = parts.log
    this.#metrics = parts.metrics
    this.#policy = parts.policy
  }

  /** Resolves when there is something to send. UPSTREAM_…, VERSION_NOT_FOUND and what `source` throws. */
  async get(wanted: Wanted): Promise<Tarball> {
    const running = await this.#join(wanted)
    if ('kind' in running) return running
    const { download, publishedAt } = running
    await download.begun()
    if (!download.ended) return { kind: 'growing', size: download.size, follow: () => download.follow() }
    const print = await download.done
    const { whole: bytes } = download
    return { kind: 'stored', print, publishedAt, fetched: true, ...(bytes && { bytes }) }
  }

  /** Resolves when the whole is stored. Throws as `get`. */
  async fetch(wanted: Wanted): Promise<Fetched> {
    const running = await this.#join(wanted)
    if ('kind' in running) return running
    return { print: await running.download.done, publishedAt: running.publishedAt }
  }

  /** Gives up what is under way and waits until its spool files are gone. */
  async close(): Promise<void> {
    this.#closing.abort()
    const running = await Promise.allSettled(this.#running.values())
    const ends = running.map((it) => (it.status === 'fulfilled' ? doneOf(it.value) : undefined))
    await Promise.allSettled(ends)
  }

  #join(wanted: Wanted): Promise<Running> {
    const key = [`${wanted.head.id}@${wanted.version}`, ...cameVia()].join(' ')
    const known = this.#running.get(key)
    if (known) return known
    const running = this.#start(wanted)
    this.#running.set(key, running)
    const label = `${wanted.head.npmName}@${wanted.version}`
    running
      .then(doneOf)
      .catch((err) => {
        if (isFault(err, 'PACKAGE_NOT_FOUND', 'VERSION_NOT_FOUND', 'FORBIDDEN', 'UPSTREAM_LOOP')) return
        this.#log.warn({ err, tarball: label }, 'a tarball could not be fetched from upstream')
      })
      .finally(() => this.#running.delete(key))
    return running
  }

  async #start({ head, version, source }: Wanted): Promise<Running> {
    const row = await this.#storage.sql.first(this.#tarballOf, [head.id, version])
    const isStored = row?.tarball != null && (await this.#storage.blobs.stat(row.tarball)) !== undefined
    if (isStored && row.tarball && row.sha1 !== null && row.size !== null) {
      const print = { digest: row.tarball, sha1: row.sha1, size: row.size }
      return { kind: 'stored', print, publishedAt: row.published_at }
    }
    // What was lost comes back as it was, even where upstream promises nothing.
    return this.#download(head, version, { lost: row?.tarball ?? undefined, ...(await source()) })
  }

  async #download(
    head: PackageHead,
    version: string,
    { url, lost, integrity = lost, shasum, publishedAt }: TarballSource & { lost: Digest | undefined },
  ): Promise<Running> {
    const what = `${head.npmName}@${version}`
    const upstream = this.#upstream.for(head.npmName)
    const ask = () => upstream.tarball(what, url, this.#closing.signal)
    const answer = await this.#metrics.asking({ what: 'tarball', upstream: upstream.url }, ask)
    if (answer.kind === 'absent' && answer.known) fail('VERSION_NOT_FOUND', { spec: head.npmName, version })
    if (answer.kind === 'absent') return fail('UPSTREAM_UNAVAILABLE', { what, why: answer.why })
    const vouched = integrity === undefined ? { sha1: shasum } : { integrity }
    const promised = { ...vouched, size: answer.size }
    // What is undefined was not promised.
    const expect: Expectation = Object.fromEntries(
      Object.entries(promised).filter(([, it]) => it !== undefined),
    )
    let contained: Contained = {}
    const body = new Inspection(what).watch(answer.body, (found) => {
      contained = found
    })
    const record = (print: Fingerprint) => {
      this.#metrics.add(
        'entropic_upstream_bytes_total',
        { what: 'tarball', upstream: upstream.url },
        print.size,
      )
      return this.#record(head, version, { print, publishedAt, contained })
    }
    const distrust = (cause: Fault) => new Fault('UPSTREAM_INVALID', { what, why: cause.message }, { cause })
    const source = { size: answer.size, body, expect, distrust }
    return { download: await Download.start(this.#storage.blobs, source, record), publishedAt }
  }

  /** Not when the name became one of ours meanwhile. */
  async #record(
    head: PackageHead,
    version: string,
    { print, publishedAt, contained }: Fetched & { contained: Contained },
  ): Promise<void> {
    if (isMisnamed(contained, { name: head.npmName, version }))
      this.#log.warn({ name: head.npmName, version, contained }, 'a tarball calls itself by another name')
    await this.#storage.sql.relaxed(async (tx) => {
      const row = await findPackageById(tx, head.id)
      if (row?.source !== 'mirror') return fail('VERSION_NOT_FOUND', { spec: head.npmName, version })
      const { digest: tarball, sha1, size } = print
      await upsertMirroredVersion(tx, {
        ...mirroredVersion(head.id, version, publishedAt),
        tarball,
        sha1,
        size,
        contained: JSON.stringify(contained),
      })
      // What it holds may hide it.
      if (this.#policy.readsManifests) await bumpPackage(tx, head.id, this.#clock.now())
      const use = { package_id: head.id, version, used_at: this.#clock.now() }
      await upsertUses(tx, [use])
    })
  }
}

type Running = StoredTarball | { readonly download: Download; readonly publishedAt: Millis }

async function doneOf(running: Running): Promise<void> {
  if ('download' in running) await running.download.done
}
