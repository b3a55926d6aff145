import { randomUUID } from 'node:crypto'
import { open, opendir, rename, rm, stat, utimes, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Readable } from 'node:stream'
import { type Digest, digestFromHex, digestToHex, type Fingerprint } from '../../base/digest.ts'
import { minutes } from '../../base/time.ts'
import type { BlobDriver, BlobStat, ByteRange, Durability } from './blobs.ts'
import { FileStream } from './file-stream.ts'
import { keyOf } from './key.ts'
import { Settling } from './settling.ts'
import { Shelf, syncFolderAt } from './shelf.ts'

/** Younger than this, a blob's folder entry may still be on its way to the disk. */
const SETTLING = minutes(1)

/** The folders of blobs; whatever else lies beside them has other names. */
const SHELF = /^[0-9a-f]{2}$/

/**
 * Blobs as files, `ab/<the other 126 hex digits of the sha512>` under `root`, a folder whose parent exists and which lies on the spool's
 * file system. One folder deep: a second level would make nearly every blob pay for a folder of its own, and file systems find a name
 * among many thousands as fast. Blobs once lay as in a bucket, under their keys: those are found where they are.
 */
export class DiskDriver implements BlobDriver {
  readonly #root: string
  readonly #settling: Settling
  readonly #top: Shelf
  readonly #shelves = new Map<string, Shelf>()
  #isFormer: Promise<boolean> | undefined

  constructor(root: string) {
    this.#root = root
    this.#top = new Shelf(root)
    this.#settling = new Settling(join(root, 'settling'), async (digest, path) => {
      await syncFile(path)
      await this.#place(digest, path)
    })
  }

  async keep(digest: Digest): Promise<boolean> {
    for (const path of await this.#places(digest)) {
      const found = await present(stat(path))
      if (!found) continue
      const now = new Date()
      if (now.getTime() - found.mtimeMs > SETTLING)
        return (await present(utimes(path, now, now).then(() => true))) ?? false
      if (path === this.#path(digest)) await this.#shelfOf(digest).sync()
      else await syncFolderAt(dirname(path))
      return true
    }
    return false
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
    for (const path of await this.#places(digest)) await rm(path, { force: true })
  }

  async *list(): AsyncIterable<Digest> {
    // First what may be in its place by the time that is listed.
    const settling = new Set(await this.#settling.list())
    yield* settling
    for await (const first of namesIn(this.#root)) {
      if (!SHELF.test(first)) continue
      for await (const rest of namesIn(join(this.#root, first))) {
        const digest = digestFromHex(first + rest)
        if (digest && !settling.has(digest)) yield digest
      }
    }
    for await (const digest of this.#listFormer()) if (!settling.has(digest)) yield digest
  }

  recover(): Promise<void> {
    return this.#settling.recover()
  }

  async settled(): Promise<void> {
    await this.#settling.settled()
    await Promise.all([this.#top, ...this.#shelves.values()].map((shelf) => shelf.close()))
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
    const hex = digestToHex(digest)
    return join(this.#root, hex.slice(0, 2), hex.slice(2))
  }

  #shelfOf(digest: Digest): Shelf {
    const path = dirname(this.#path(digest))
    const known = this.#shelves.get(path)
    if (known) return known
    const shelf = new Shelf(path, this.#top)
    this.#shelves.set(path, shelf)
    return shelf
  }

  /** What `use` finds of a blob in its place, or on its way there; undefined where it is in neither. */
  async #find<T>(digest: Digest, use: (path: string) => Promise<T>): Promise<T | undefined> {
    const [place, ...former] = await this.#places(digest)
    const settling = this.#settling.pathOf(digest)
    // In its place once more at the end: it may have been moved meanwhile.
    for (const path of [place, settling, ...former, place]) {
      const found = path && (await present(use(path)))
      if (found) return found
    }
    return undefined
  }

  /** Where a blob may lie at rest: where it is put now, and where it once was. */
  async #places(digest: Digest): Promise<string[]> {
    this.#isFormer ??= present(stat(this.#former)).then(
      (found) => found !== undefined,
      (error) => {
        this.#isFormer = undefined
        throw error
      },
    )
    const place = this.#path(digest)
    return (await this.#isFormer) ? [place, join(this.#root, keyOf(digest))] : [place]
  }

  get #former(): string {
    return join(this.#root, 'sha512')
  }

  async *#listFormer(): AsyncIterable<Digest> {
    for await (const first of namesIn(this.#former)) {
      for await (const second of namesIn(join(this.#former, first))) {
        for await (const rest of namesIn(join(this.#former, first, second))) {
          const digest = digestFromHex(first + second + rest)
          if (digest) yield digest
        }
      }
    }
  }

  /** Moves a synced file to where the blob belongs, durably. */
  async #place(digest: Digest, from: string): Promise<void> {
    const shelf = this.#shelfOf(digest)
    await shelf.ready()
    // Over a twin that came in meanwhile, too: it has the same bytes, and those who read it keep theirs open.
    const move = () => rename(from, this.#path(digest)).then(() => true)
    if (!(await present(move()))) {
      await this.#remake(shelf)
      await move()
    }
    await shelf.sync()
  }

  /** Makes a shelf anew where somebody tidied empty folders away. */
  async #remake(shelf: Shelf): Promise<void> {
    if (await present(stat(shelf.path))) return
    this.#top.forget()
    shelf.forget()
    await shelf.ready()
  }
}

async function syncFile(path: string): Promise<void> {
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
