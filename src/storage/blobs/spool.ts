import { createHash, randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, open, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import type { Digest, Fingerprint } from '../../base/digest.ts'
import { Fault } from '../../base/fault.ts'
import type { BlobDriver, Durability, Expectation, Spool } from './blobs.ts'
import { checkPromise } from './expectation.ts'

export type SpoolPlace = {
  readonly folder: string
  readonly driver: BlobDriver
  /** Bytes that may stay in memory before the file is made: what turns out to be stored already is then never written. */
  readonly held: number
}

/** The one way into the store: every byte is hashed and written once, in one loop. */
export class SpoolFile implements Spool {
  readonly path: string
  readonly #place: SpoolPlace
  readonly #sha512 = createHash('sha512')
  readonly #sha1 = createHash('sha1')
  #held: Uint8Array[] = []
  #file: FileHandle | undefined
  #size = 0
  #ended = false
  #isAdopted = false

  constructor(place: SpoolPlace) {
    this.path = join(place.folder, randomUUID())
    this.#place = place
  }

  get size(): number {
    return this.#size
  }

  /** Makes the file and writes what was held back so far. */
  async flush(): Promise<void> {
    const held = this.#held
    this.#held = []
    try {
      this.#file ??= await open(this.path, 'wx', 0o600)
      await writeAll(this.#file, held)
    } catch (error) {
      throw refusedByDisk(error)
    }
  }

  async write(chunk: Uint8Array): Promise<void> {
    if (this.#ended) throw new Error('This spool file is finished')
    const keep = !this.#file && this.#size + chunk.length <= this.#place.held
    // What is held is copied: its sender may use the buffer again.
    this.#take(keep ? Buffer.from(chunk) : chunk)
    if (!keep) await this.flush()
    this.#size += chunk.length
  }

  /** Takes bytes that nobody changes any more, to be written when need be. */
  hold(chunk: Uint8Array): void {
    this.#take(chunk)
    this.#size += chunk.length
  }

  content(): AsyncIterable<Buffer> {
    if (this.#file) return createReadStream(this.path)
    return Readable.from(this.#held.map((chunk) => Buffer.from(chunk.buffer, chunk.byteOffset, chunk.length)))
  }

  async finish(expect: Expectation = {}, durability: Durability = 'now'): Promise<Fingerprint> {
    try {
      // A base64 sha512 by construction.
      const digest = `sha512-${this.#sha512.digest('base64')}` as Digest
      const print = { digest, sha1: this.#sha1.digest('hex'), size: this.#size }
      await checkPromise(print, expect, (algorithm) => this.#rehash(algorithm))
      if (!(await this.#place.driver.keep(digest))) await this.#adopt(print, durability)
      return print
    } catch (error) {
      throw refusedByDisk(error)
    } finally {
      await this.abort()
    }
  }

  async abort(): Promise<void> {
    if (this.#ended) return
    this.#ended = true
    this.#held = []
    if (!this.#file) return
    await this.#file.close()
    if (!this.#isAdopted) await rm(this.path, { force: true })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.abort()
  }

  #take(chunk: Uint8Array): void {
    this.#sha512.update(chunk)
    this.#sha1.update(chunk)
    this.#held.push(chunk)
  }

  async #adopt(print: Fingerprint, durability: Durability): Promise<void> {
    await this.flush()
    if (durability === 'now') await this.#file?.datasync()
    await this.#place.driver.adopt(this.path, print, durability)
    this.#isAdopted = true
  }

  async #rehash(algorithm: string): Promise<string> {
    const hash = createHash(algorithm)
    for await (const chunk of this.content()) hash.update(chunk)
    return hash.digest('hex')
  }
}

/** All at once, or where the system takes only a part of it, the rest again. */
async function writeAll(file: FileHandle, chunks: readonly Uint8Array[]): Promise<void> {
  let left = chunks.filter(({ length }) => length > 0)
  while (left.length > 0) {
    const { bytesWritten } = await file.writev(left)
    left = after(left, bytesWritten)
  }
}

/** What is left of `chunks` behind so many bytes. */
function after(chunks: readonly Uint8Array[], size: number): Uint8Array[] {
  const at = chunks.findIndex(({ length }) => {
    if (size < length) return true
    size -= length
    return false
  })
  const [first, ...rest] = at < 0 ? [] : chunks.slice(at)
  return first ? [first.subarray(size), ...rest] : []
}

/** A disk that is full or failing is nobody's mistake, and may pass. */
function refusedByDisk(error: unknown): unknown {
  if (!(error instanceof Error && 'code' in error)) return error
  if (!['ENOSPC', 'EDQUOT', 'EROFS', 'EIO', 'EMFILE', 'ENFILE'].includes(String(error.code))) return error
  return new Fault('UNAVAILABLE', { why: 'The storage cannot be written at the moment.' }, { cause: error })
}
