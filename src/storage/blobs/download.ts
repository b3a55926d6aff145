import { open } from 'node:fs/promises'
import { Readable } from 'node:stream'
import type { Fingerprint } from '../../base/digest.ts'
import { type Fault, isFault } from '../../base/fault.ts'
import type { BlobStore, Expectation, Spool } from './blobs.ts'

export type DownloadSource = {
  readonly body: AsyncIterable<Uint8Array>
  /** Bytes to come, if they were announced. */
  readonly size: number | undefined
  /** What must hold of the whole. */
  readonly expect: Expectation
  /** What clients are told when the whole is not as expected, which is no mistake of theirs. */
  readonly distrust: (broken: Fault) => Fault
}

/** What a download needs of a store. */
export type DownloadStore = Pick<BlobStore, 'spool' | 'open'>

/** How much a follower reads at a time. */
const PIECE = 64 * 1024
/** What is not larger stays in memory as long as the download does: mostly somebody waits for it. */
const SMALL = 64 * 1024

/**
 * A file that grows in the spool while any number of clients follow it, each at its own speed. The last piece is held back until the whole has
 * been checked and stored: what is cut or wrong never ends cleanly at any client and never enters the store.
 */
export class Download {
  readonly size: number | undefined
  /** Resolves once the whole is stored and `recorded`; rejects with what the source threw or made of a broken promise. */
  readonly done: Promise<Fingerprint>
  readonly #blobs: DownloadStore
  readonly #spool: Spool
  /** Bytes that followers may have. */
  #released = 0
  #whole: Buffer | undefined
  #ended = false
  #progress = Promise.withResolvers<void>()

  private constructor(
    blobs: DownloadStore,
    parts: { spool: Spool; source: DownloadSource; recorded: (print: Fingerprint) => Promise<void> },
  ) {
    this.#blobs = blobs
    this.#spool = parts.spool
    this.size = parts.source.size
    this.done = this.#run(parts.source, parts.recorded).finally(() => this.#end())
    this.done.catch(() => undefined) // followers and whoever waits see it; there may be none
  }

  /** Begins to read `source`, whether or not anybody follows. `recorded` notes what was stored before anyone gets the last piece. */
  static async start(
    blobs: DownloadStore,
    source: DownloadSource,
    recorded: (print: Fingerprint) => Promise<void>,
  ): Promise<Download> {
    return new Download(blobs, { spool: await blobs.spool(), source, recorded })
  }

  /** Whether nothing more will come; then `done` is settled or about to be. */
  get ended(): boolean {
    return this.#ended
  }

  /** The whole, once it is stored, if it is small. */
  get whole(): Buffer | undefined {
    return this.#whole
  }

  /** Resolves when there are bytes to follow or nothing more will come. */
  async begun(): Promise<void> {
    while (this.#released === 0 && !this.#ended) await this.#progress.promise
  }

  /** The bytes from the first one on. The stream fails when the download does. The caller ends or destroys it. */
  follow(): Readable {
    return Readable.from(this.#bytes(), { objectMode: false, highWaterMark: PIECE })
  }

  async #run(source: DownloadSource, recorded: (print: Fingerprint) => Promise<void>): Promise<Fingerprint> {
    await using spool = this.#spool
    let pieces: Uint8Array[] = []
    for await (const chunk of source.body) {
      if (chunk.length === 0) continue
      this.#release(spool.size)
      await spool.write(chunk)
      if (spool.size <= SMALL) pieces.push(chunk)
      else pieces = []
    }
    const print = await spool
      .finish(source.expect, 'soon') // nobody was promised that it stays, and it can be had again
      .catch((error) =>
        Promise.reject(isFault(error, 'INTEGRITY_MISMATCH', 'TOO_LARGE') ? source.distrust(error) : error),
      )
    await recorded(print)
    this.#released = print.size
    if (pieces.length > 0) this.#whole = Buffer.concat(pieces)
    return print
  }

  async *#bytes(): AsyncGenerator<Buffer> {
    await using file = await open(this.#spool.path).catch(() => undefined)
    if (!file) {
      // It has left the spool already: either it is in the store, or it failed.
      yield* await this.#blobs.open((await this.done).digest)
      return
    }
    let at = 0
    while (true) {
      while (at < this.#released) {
        const { bytesRead, buffer } = await file.read(
          Buffer.allocUnsafe(PIECE),
          0,
          Math.min(PIECE, this.#released - at),
          at,
        )
        at += bytesRead
        yield buffer.subarray(0, bytesRead)
      }
      if (this.#ended) return void (await this.done)
      await this.#progress.promise
    }
  }

  #release(size: number): void {
    if (size === this.#released) return
    this.#released = size
    this.#notify()
  }

  #end(): void {
    this.#ended = true
    this.#notify()
  }

  #notify(): void {
    const { resolve } = this.#progress
    this.#progress = Promise.withResolvers()
    resolve()
  }
}
