import { link, rm } from 'node:fs/promises'
import type { Readable } from 'node:stream'
import type { Digest, Fingerprint } from '../../base/digest.ts'
import { Fault, fail, isFault } from '../../base/fault.ts'
import type { Log } from '../../base/log.ts'
import { minutes } from '../../base/time.ts'
import type { BlobDriver, BlobStat, ByteRange, Durability } from './blobs.ts'
import type { DiskDriver } from './disk.ts'
import { Download } from './download.ts'
import { SpoolingBlobStore } from './store.ts'

/** A copy that was used this lately counts as just used: saves writing the time of every use. */
const LATELY = minutes(1)
/** Sweeping leaves this part of the budget, and comes again when that part was added. */
const LEFT = 7 / 8
const ADDED = 1 / 16

export type CachedDriverParts = {
  readonly disk: DiskDriver
  /** A folder on the disk driver's file system. */
  readonly spool: string
  /** Bytes. */
  readonly budget: number
  /** As BlobDriver.link, where clients may be sent to the origin. */
  readonly link?: (digest: Digest) => Promise<string>
  readonly log: Log
}

/**
 * Copies on disk in front of a slow or distant driver. A copy is made once however many ask, checked against its digest as it
 * comes in, and followed meanwhile; the least lately used ones go when the budget (bytes) is spent. Several processes may share the folder.
 */
export class CachedDriver implements BlobDriver {
  readonly origin: BlobDriver
  readonly link?: (digest: Digest) => Promise<string>
  readonly #disk: DiskDriver
  readonly #budget: number
  readonly #log: Log
  readonly #copies: SpoolingBlobStore
  readonly #fills = new Map<Digest, Promise<Download | undefined>>()
  /** Bytes since the last sweep; what an earlier process left is not known. */
  #added = Number.POSITIVE_INFINITY

  constructor(origin: BlobDriver, parts: CachedDriverParts) {
    this.origin = origin
    this.#disk = parts.disk
    this.#budget = parts.budget
    this.#log = parts.log
    if (parts.link) this.link = parts.link
    this.#copies = new SpoolingBlobStore(parts.disk, parts.spool)
  }

  keep(digest: Digest): Promise<boolean> {
    return this.origin.keep(digest)
  }

  /** What comes in is likely to be asked for soon. */
  async adopt(spooled: string, print: Fingerprint, durability: Durability): Promise<void> {
    const copy = `${spooled}-copy`
    await link(spooled, copy)
    try {
      await this.origin.adopt(spooled, print, durability)
      await this.#disk.adopt(copy, print, 'soon')
    } finally {
      await rm(copy, { force: true })
    }
    this.#grown(print.size)
  }

  async open(digest: Digest, range?: ByteRange): Promise<Readable | undefined> {
    const copy = await this.#disk.open(digest, range)
    if (copy) {
      this.#used(digest).catch((err: unknown) => this.#log.warn({ err }, 'the use of a copy was not noted'))
      return copy
    }
    return range ? this.origin.open(digest, range) : this.#fill(digest)
  }

  /** Of a copy when the origin does not answer. */
  async stat(digest: Digest): Promise<BlobStat | undefined> {
    try {
      return await this.origin.stat(digest)
    } catch (error) {
      const copy = isFault(error, 'UNAVAILABLE') ? await this.#disk.stat(digest) : undefined
      if (copy) return copy
      throw error
    }
  }

  async remove(digest: Digest): Promise<void> {
    await this.origin.remove(digest)
    await this.#disk.remove(digest)
  }

  list(): AsyncIterable<Digest> {
    return this.origin.list()
  }

  ping(): Promise<void> {
    return this.origin.ping()
  }

  recover(): Promise<void> {
    return this.#disk.recover()
  }

  settled(): Promise<void> {
    return this.#disk.settled()
  }

  /** Resolves with the first bytes, so that an origin which fails at once can still be told from one that has the blob. */
  async #fill(digest: Digest): Promise<Readable | undefined> {
    const download = await (this.#fills.get(digest) ?? this.#begin(digest))
    if (!download) return undefined
    await download.begun()
    if (download.ended) await download.done
    return download.follow()
  }

  #begin(digest: Digest): Promise<Download | undefined> {
    const fill = this.#start(digest)
    this.#fills.set(digest, fill)
    fill
      .then(async (download) => download && this.#grown((await download.done).size))
      .catch(() => undefined) // its readers are told
      .finally(() => this.#fills.delete(digest))
    return fill
  }

  async #start(digest: Digest): Promise<Download | undefined> {
    const body = await this.origin.open(digest)
    if (!body) return undefined
    const store = {
      spool: () => this.#copies.spool(),
      // The copy may have been swept before a late reader came.
      open: async () =>
        (await this.#disk.open(digest)) ??
        (await this.origin.open(digest)) ??
        fail('NOT_FOUND', { what: digest }),
    }
    const distrust = (cause: Fault) => {
      this.#log.error({ err: cause, digest }, 'the storage gave back other bytes than it was given')
      return new Fault('UNAVAILABLE', { why: 'The storage gave back damaged content.' }, { cause })
    }
    const source = { body, size: undefined, expect: { integrity: digest }, distrust }
    return Download.start(store, source, async () => {})
  }

  async #used(digest: Digest): Promise<void> {
    const copy = await this.#disk.stat(digest)
    if (copy && Date.now() - copy.modifiedAt > LATELY) await this.#disk.keep(digest)
  }

  #grown(size: number): void {
    this.#added += size
    if (this.#added <= this.#budget * ADDED) return
    this.#added = 0
    this.#sweep().catch((err: unknown) => this.#log.warn({ err }, 'the copies of blobs were not swept'))
  }

  /** First goes what is too large to leave room for anything else, then what was not used for the longest. */
  async #sweep(): Promise<void> {
    const room = this.#budget * LEFT
    const copies: { digest: Digest; size: number; rank: number }[] = []
    for await (const digest of this.#disk.list()) {
      const copy = await this.#disk.stat(digest)
      if (copy) copies.push({ digest, size: copy.size, rank: copy.size > room ? 0 : copy.modifiedAt })
    }
    let total = copies.reduce((sum, { size }) => sum + size, 0)
    for (const { digest, size } of copies.toSorted((a, b) => a.rank - b.rank)) {
      if (total <= room) return
      await this.#disk.remove(digest)
      total -= size
    }
  }
}
