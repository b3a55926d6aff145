import { pipeline } from 'node:stream/promises'
import { createGunzip, createGzip } from 'node:zlib'
import tar from 'tar-stream'
import type { Digest, Fingerprint } from '../base/digest.ts'
import { Fault, isFault } from '../base/fault.ts'
import { pour } from '../storage/blobs/file-stream.ts'
import type { Context } from './context.ts'
import type { FileEntry, FileTree, JsonObject } from './model.ts'
import { byBytes, checkCollisions, parsePath } from './paths.ts'
import { TarEntries } from './tar/entries.ts'

/** What a tarball turned out to hold. */
export type Unpacked = {
  readonly files: FileTree
  readonly unpackedSize: number
  /** The package.json at the root, when it is there and is a JSON object. */
  readonly packageJson: JsonObject | undefined
}

/**
 * What is refused in a tarball published here is passed over in one mirrored from upstream, where old packages hold odd things and
 * integrity has been promised already.
 */
export type Strictness = 'refuse' | 'skip'

/** npm's own packages carry this date, so that the same files always make the same tarball. */
const TAR_DATE = new Date('1985-10-26T08:15:00.000Z')
/** A file within a tarball, as tar-stream hands it out. */
type Entry = tar.Extract extends AsyncIterable<infer E> ? E : never

/** Bytes unpacked at once: fewer trips to the thread pool than Node's 16 KiB. */
const PIECE = 64 * 1024
const IN_MEMORY = 1024 * 1024
const AT_ONCE = 8
/** Bytes of a tar that are not its files'. */
const ARCHIVE_OVERHEAD = 128 * 1024 * 1024
const MAX_PACKAGE_JSON = 4 * 1024 * 1024

/** Version content: a file tree, itself a blob, and the npm tarball made of it or it was made of. */
export class ContentStore {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  /**
   * Reads a stored tarball and ingests each file. INVALID_TARBALL (broken, links, too many or too large), INVALID_PATH.
   */
  async unpack(tarball: Digest, strictness: Strictness): Promise<Unpacked> {
    const { blobs } = this.#context.storage
    const reading = new Reading(this.#context, strictness)
    const [gunzip, extract] = [createGunzip({ chunkSize: PIECE }), tar.extract()]
    const feeding = Promise.all([
      pour(await blobs.open(tarball), gunzip),
      pipeline(gunzip, bounded(this.#context.limits.unpacked, strictness), extract),
    ])
    feeding.catch(() => undefined) // reported through the iteration below
    try {
      for await (const entry of extract) await reading.take(entry)
      await feeding
      return await reading.end()
    } catch (error) {
      await reading.settle()
      if (isFault(error) || !isBadArchive(error)) throw error
      throw new Fault(
        'INVALID_TARBALL',
        { why: `it is not a readable gzipped tar (${error.message})` },
        { cause: error },
      )
    }
  }

  /**
   * Packs files into the npm tarball that the same files always give. `packageJson` takes the place of the root's package.json,
   * since npm needs one that speaks npm names.
   */
  pack(files: FileTree, packageJson: string): Promise<Fingerprint> {
    const pack = tar.pack()
    const gzip = createGzip({ level: 9 })
    const writing = this.#write(pack, files, packageJson).catch((error) => pack.destroy(error))
    const piping = pipeline(pack, gzip)
    piping.catch(() => undefined) // the ingest below fails with the same error
    return this.#context.storage.blobs.ingest(gzip).finally(() => Promise.allSettled([writing, piping]))
  }

  /** Keeps a file tree; equal trees are one blob. */
  async keepTree(files: FileTree): Promise<Digest> {
    return (await this.#context.storage.blobs.ingestText(JSON.stringify(files))).digest
  }

  async loadTree(tree: Digest): Promise<FileTree> {
    // We wrote this blob ourselves and it is addressed by its hash.
    return JSON.parse((await this.#context.storage.blobs.read(tree)).toString()) as FileTree
  }

  async #write(pack: tar.Pack, files: FileTree, packageJson: string): Promise<void> {
    const attributes = { mtime: TAR_DATE, uid: 0, gid: 0 }
    await new Promise<void>((resolve, reject) => {
      const done = (error?: Error | null) => (error ? reject(error) : resolve())
      pack.entry({ name: 'package/package.json', mode: 0o644, ...attributes }, packageJson, done)
    })
    for (const file of files) {
      if (file.path === 'package.json') continue
      const mode = file.executable ? 0o755 : 0o644
      const entry = pack.entry({ name: `package/${file.path}`, size: file.size, mode, ...attributes })
      await pipeline(await this.#context.storage.blobs.open(file.digest), entry)
    }
    pack.finalize()
  }
}

/** One walk through a tarball. Small files are ingested side by side, since each costs an fsync; large ones stream. */
class Reading {
  readonly #context: Context
  readonly #strictness: Strictness
  readonly #files = new Map<string, FileEntry>()
  readonly #seen = new Set<string>()
  readonly #pending = new Set<Promise<void>>()
  #entries = 0
  #failure: unknown
  #size = 0
  #packageJson: JsonObject | undefined

  constructor(context: Context, strictness: Strictness) {
    this.#context = context
    this.#strictness = strictness
  }

  async take(entry: Entry): Promise<void> {
    const { name, type, size = 0, mode = 0 } = entry.header
    this.#countEntry()
    const path = this.#path(name, type ?? 'file')
    if (path === undefined) return void entry.resume()
    this.#countFile(path, size)
    const executable = (mode & 0o111) !== 0
    const keep = ({ digest, size }: Fingerprint) => {
      this.#files.set(path, { path, digest, size, executable })
    }
    const chunks = entry as AsyncIterable<Uint8Array> // streamx leaves its chunks untyped
    if (path === 'package.json' && size > MAX_PACKAGE_JSON)
      throw new Fault('INVALID_TARBALL', { why: `its package.json is larger than ${MAX_PACKAGE_JSON} bytes` })
    if (size > IN_MEMORY && path !== 'package.json')
      return keep(await this.#context.storage.blobs.ingest(chunks))
    const pieces = await Array.fromAsync(chunks)
    if (path === 'package.json') this.#packageJson = parseObject(Buffer.concat(pieces))
    await this.#alongside(this.#context.storage.blobs.ingestWhole(pieces).then(keep))
  }

  async end(): Promise<Unpacked> {
    await this.settle()
    if (this.#failure !== undefined) throw this.#failure
    const files = [...this.#files.values()].sort((a, b) => byBytes(a.path, b.path))
    if (this.#strictness === 'refuse') checkCollisions(files.map((file) => file.path))
    return { files, unpackedSize: this.#size, packageJson: this.#packageJson }
  }

  /** Waits for whatever is still being written. */
  async settle(): Promise<void> {
    await Promise.all(this.#pending)
  }

  /** The path without the tarball's first folder (`package/` by custom); undefined for what is to be passed over. */
  #path(name: string, type: string): string | undefined {
    if (type === 'directory' || type === 'pax-global-header') return undefined
    if (type !== 'file' && type !== 'contiguous-file') {
      if (this.#strictness === 'skip') return undefined
      throw new Fault('INVALID_TARBALL', { why: `"${name}" is a ${type}; only files are allowed` })
    }
    if (name.split('/').includes('..') && this.#strictness === 'refuse')
      throw new Fault('INVALID_PATH', { path: name.slice(0, 200), why: 'it leads out of the package' })
    const path = name.replace(/^(?:\.\/)?[^/]+\//, '')
    try {
      return parsePath(path)
    } catch (error) {
      if (this.#strictness === 'skip') return undefined
      throw error
    }
  }

  /** Folders and links count too: each costs time. */
  #countEntry(): void {
    this.#entries += 1
    const { files } = this.#context.limits
    if (this.#entries > files)
      throw new Fault('INVALID_TARBALL', { why: `it holds more than ${files} entries` })
  }

  #countFile(path: string, size: number): void {
    const { unpacked } = this.#context.limits
    this.#size += size
    if (this.#size > unpacked) throw new Fault('TOO_LARGE', { what: 'The unpacked package', limit: unpacked })
    // Tools disagree about which of two wins: one would be judged and the other installed.
    if (this.#seen.has(path) && this.#strictness === 'refuse')
      throw new Fault('INVALID_TARBALL', { why: `it holds "${path}" twice` })
    this.#seen.add(path)
  }

  async #alongside(work: Promise<void>): Promise<void> {
    const tracked = work
      .catch((error: unknown) => {
        this.#failure ??= error
      })
      .finally(() => this.#pending.delete(tracked))
    this.#pending.add(tracked)
    if (this.#pending.size >= AT_ONCE) await Promise.race(this.#pending)
    if (this.#failure !== undefined) throw this.#failure
  }
}

function parseObject(bytes: Buffer): JsonObject | undefined {
  if (bytes.length > MAX_PACKAGE_JSON) return undefined
  try {
    const value: unknown = JSON.parse(bytes.toString().replace(/^\uFEFF/, ''))
    // Checked to be an object; its members stay unknown JSON.
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as JsonObject)
      : undefined
  } catch {
    return undefined
  }
}

/** zlib and tar-stream report what is wrong with the bytes as plain errors; the system's own carry a syscall. */
function isBadArchive(error: unknown): error is Error {
  return error instanceof Error && !('syscall' in error)
}

/**
 * Ends an archive that goes on and on, whatever it is that follows its files: headers and padding are at most a KiB a file. One that goes on behind
 * its end holds more files to some tools than to others, and is refused.
 */
function bounded(
  unpacked: number,
  strictness: Strictness,
): (chunks: AsyncIterable<Buffer>) => AsyncGenerator<Buffer> {
  const limit = unpacked + Math.min(unpacked, ARCHIVE_OVERHEAD)
  const isStrict = strictness === 'refuse'
  return async function* limited(chunks) {
    const entries = new TarEntries(
      () => false,
      () => undefined,
    )
    let size = 0
    for await (const chunk of chunks) {
      size += chunk.length
      if (size > limit) throw new Fault('TOO_LARGE', { what: 'The unpacked package', limit: unpacked })
      if (isStrict) entries.push(chunk)
      if (entries.goesOn) throw new Fault('INVALID_TARBALL', { why: 'something stands behind its end' })
      yield chunk
    }
  }
}
