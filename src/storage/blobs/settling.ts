import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, readdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { type Digest, digestFromHex, digestToHex } from '../../base/digest.ts'

/** Syncs that run side by side: disks take several as fast as one. */
const LANES = 4

/**
 * Blobs that are whole but perhaps not on the disk yet, in a folder of their own under their hex digests. Each is synced and moved to its place
 * behind everybody's back; what lies here after a power cut is therefore all that may be damaged.
 */
export class Settling {
  readonly #folder: string
  /** Makes the file at `path` durable as the blob `digest`, in its place. */
  readonly #settle: (digest: Digest, path: string) => Promise<void>
  readonly #lanes: Promise<void>[] = Array.from({ length: LANES }, () => Promise.resolve())
  #next = 0
  #hasFolder = false

  constructor(folder: string, settle: (digest: Digest, path: string) => Promise<void>) {
    this.#folder = folder
    this.#settle = settle
  }

  pathOf(digest: Digest): string {
    return join(this.#folder, digestToHex(digest))
  }

  /** Takes over a spool file. */
  async add(digest: Digest, spooled: string): Promise<void> {
    if (!this.#hasFolder) await mkdir(this.#folder, { recursive: true, mode: 0o700 })
    this.#hasFolder = true
    const path = this.pathOf(digest)
    await rename(spooled, path)
    const lane = this.#next++ % LANES
    // Where the disk fails it stays here, readable, for the next start to look at.
    const settled = this.#lanes[lane]?.then(() => this.#settle(digest, path)).catch(() => undefined)
    this.#lanes[lane] = settled ?? Promise.resolve()
  }

  async list(): Promise<Digest[]> {
    const names = await readdir(this.#folder).catch(() => []) // not made yet
    return names.map(digestFromHex).filter((digest) => digest !== undefined)
  }

  /** Settles what an earlier process left here if it is what its name says, and removes it otherwise. */
  async recover(): Promise<void> {
    for (const digest of await this.list()) {
      const path = this.pathOf(digest)
      // Another process may be settling it at this moment: then it is gone from here.
      const isWhole = await hashOf(path).then(
        (found) => found === digest,
        () => undefined,
      )
      if (isWhole) await this.#settle(digest, path).catch(() => undefined)
      else if (isWhole === false) await rm(path, { force: true })
    }
  }

  /** Resolves when all that was added is in its place. */
  async settled(): Promise<void> {
    await Promise.all(this.#lanes)
  }
}

async function hashOf(path: string): Promise<string> {
  const hash = createHash('sha512')
  for await (const chunk of createReadStream(path)) hash.update(chunk)
  return `sha512-${hash.digest('base64')}`
}
