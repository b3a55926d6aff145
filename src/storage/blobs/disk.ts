import { randomUUID } from 'node:crypto'
import { mkdir, open, opendir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { type Digest, digestFromHex, type Fingerprint } from '../../base/digest.ts'
import { minutes } from '../../base/time.ts'
import type { BlobDriver, BlobStat, ByteRange, Durability } from './blobs.ts'
import { FileStream } from './file-stream.ts'
import { keyOf } from './key.ts'
import { Settling } from './settling.ts'

/** Younger than this, a blob's folder entry may still be on its way to the disk. */
const SETTLING = minutes(1)

/**
 * Blobs as files, named by their keys under `root`, a folder whose parent exists and which lies on the
 * spool's file system.
 */
export class DiskDriver implements BlobDriver {
  readonly #root: string
  readonly #settling: Settling
  readonly #readyFolders = new Map<string, Promise<void>>()

  constructor(root: string) {
    this.#root = root
    this.#settling = new Settling(join(root, 'settling'), async (digest, path) => {
      await syncPath(path)
      await this.#place(digest, path)
    })
  }

  async keep(digest: Digest): Promise<boolean> {
    const path = this.#path(digest)
    const found = await present(stat(path))
    if (!found) return false
    const now = new Date()
    if (now.getTime() - found.mtimeMs > SETTLING)
      return (await present(utimes(path, now, now).then(() => true))) ?? false
    await syncPath(dirname(path))
    return true
  }

  async adopt(spooled: string, { digest }: Fingerprint, durability: Durability): Promise<void> {
    if (durability === 'soon') await this.#settling.add(digest, spooled)
    else await this.#place(digest, spooled)
  }

  async open(digest: Digest, range?: ByteRange): Promise<Readable | undefined> {
    const file = await this.#find(digest, (path) => open(path))
    return file && new FileStream(file, range)
  }

  async stat(digest: Digest): Promise<BlobStat | undefined> {
    const found = await this.#find(digest, (path) => stat(path))
    return found && { size: found.size, modifiedAt: found.mtimeMs }
  }

  async remove(digest: Digest): Promise<void> {
    await rm(this.#settling.pathOf(digest), { force: true })
    await rm(this.#path(digest), { force: true })
  }

  async *list(): AsyncIterable<Digest> {
    // First what may be in its place by the time that is listed.
    const settling = new Set(await this.#settling.list())
    yield* settling
    const top = join(this.#root, 'sha512')
    for await (const first of namesIn(top)) {
      for await (const second of namesIn(join(top, first))) {
        for await (const rest of namesIn(join(top, first, second))) {
          const digest = digestFromHex(first + second + rest)
          if (digest && !settling.has(digest)) yield digest
        }
      }
    }
  }

  recover(): Promise<void> {
    return this.#settling.recover()
  }

  settled(): Promise<void> {
    return this.#settling.settled()
  }

  /** Writes a little, as a full disk says only then that it is full. The folder itself is made with the first blob. */
  async ping(): Promise<void> {
    const path = join(dirname(this.#root), `probe-${randomUUID()}`)
    try {
      await writeFile(path, 'probe', { flag: 'wx', mode: 0o600, flush: true })
    } finally {
      await rm(path, { force: true })
    }
  }

  #path(digest: Digest): string {
    return join(this.#root, keyOf(digest))
  }

  /** What `use` finds of a blob in its place, or on its way there; undefined where it is in neither. */
  async #find<T>(digest: Digest, use: (path: string) => Promise<T>): Promise<T | undefined> {
    const place = this.#path(digest)
    return (
      (await present(use(place))) ??
      (await present(use(this.#settling.pathOf(digest)))) ??
      present(use(place)) // moved meanwhile
    )
  }

  /** Moves a synced file to where the blob belongs, durably. */
  async #place(digest: Digest, from: string): Promise<void> {
    const path = this.#path(digest)
    await this.#ready(dirname(path))
    // Over a twin that came in meanwhile, too: it has the same bytes, and those who read it keep theirs open.
    await rename(from, path)
    await syncPath(dirname(path))
  }

  /** Makes `folder` and sees, once in a process, that its name is on the disk: whoever made it may not have come so far. */
  async #ready(folder: string): Promise<void> {
    await mkdir(folder, { recursive: true, mode: 0o700 })
    const known = this.#readyFolders.get(folder)
    if (known) return known
    const ready = this.#syncName(folder)
    this.#readyFolders.set(folder, ready)
    ready.catch(() => this.#readyFolders.delete(folder))
    return ready
  }

  async #syncName(folder: string): Promise<void> {
    if (folder !== this.#root) await this.#ready(dirname(folder))
    await syncPath(dirname(folder))
  }
}

async function syncPath(path: string): Promise<void> {
  await using file = await open(path)
  await file.sync()
}

async function* namesIn(folder: string): AsyncIterable<string> {
  const entries = await present(opendir(folder))
  if (!entries) return
  for await (const entry of entries) yield entry.name
}

/** What `found` resolves to; undefined when there is no such file. */
async function present<T>(found: Promise<T>): Promise<T | undefined> {
  try {
    return await found
  } catch (error) {
    if (error instanceof Error && 'code' in error && (error.code === 'ENOENT' || error.code === 'ENOTDIR'))
      return undefined
    throw error
  }
}
