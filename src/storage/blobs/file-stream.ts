import type { FileHandle } from 'node:fs/promises'
import { Readable, type Writable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { giveBack, SPARE_SIZE, takeBuffer } from '../../base/spare-buffers.ts'
import type { ByteRange } from './blobs.ts'

/** Bytes read at first; then more at once, fewer trips to the thread pool: most files are smaller than this. */
const FIRST_PIECE = 16 * 1024
const GROWTH = 4

/**
 * A file, or a part of it, as a stream. Where it only goes on to somebody, `copyTo` takes it there through two buffers that are used over and over.
 * Closes the file when it ends or is destroyed.
 */
export class FileStream extends Readable {
  readonly #file: FileHandle
  readonly #end: number
  #at: number
  #piece = FIRST_PIECE

  constructor(file: FileHandle, { start, end }: ByteRange = { start: 0, end: Number.POSITIVE_INFINITY }) {
    super({ highWaterMark: SPARE_SIZE })
    this.#file = file
    this.#at = start
    this.#end = end + 1
  }

  /** Resolves when every byte is handed to the system; rejects when reading fails or the sink closes before. Nothing else may read meanwhile. */
  async copyTo(sink: Writable): Promise<void> {
    const closed = Promise.withResolvers<never>()
    closed.promise.catch(() => undefined)
    const onClose = () => closed.reject(sink.errored ?? new Error('the receiver is gone'))
    sink.once('close', onClose)
    const buffers: [Buffer, Buffer] = [takeBuffer(), takeBuffer()]
    try {
      await Promise.race([this.#copy(buffers, sink), closed.promise])
      // Only now: what failed may still be on its way out of them.
      for (const buffer of buffers) giveBack(buffer)
    } finally {
      sink.off('close', onClose)
      this.destroy()
    }
  }

  /** One buffer is filled while the other is sent. */
  async #copy([first, second]: [Buffer, Buffer], sink: Writable): Promise<void> {
    let [filling, sending] = [first, second]
    let sent: Promise<void> = Promise.resolve()
    while (true) {
      const piece = await this.#next(filling)
      await sent
      if (piece.length === 0) return
      sent = handedOver(sink, piece)
      sent.catch(() => undefined) // awaited with the next piece
      ;[filling, sending] = [sending, filling]
    }
  }

  override _read(): void {
    this.#next(Buffer.allocUnsafeSlow(this.#piece)).then(
      (piece) => {
        // A piece that was not filled is nearly always the last: a large buffer only to learn that would be as much garbage as a large file.
        this.#piece = piece.length < this.#piece ? FIRST_PIECE : Math.min(SPARE_SIZE, this.#piece * GROWTH)
        this.push(piece.length === 0 ? null : piece)
      },
      (error) => this.destroy(error),
    )
  }

  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#file.close().then(
      () => done(error),
      (failure) => done(error ?? failure),
    )
  }

  async #next(buffer: Buffer): Promise<Buffer> {
    const wanted = Math.min(buffer.length, this.#end - this.#at)
    if (wanted <= 0) return buffer.subarray(0, 0)
    const { bytesRead } = await this.#file.read(buffer, 0, wanted, this.#at)
    this.#at += bytesRead
    return buffer.subarray(0, bytesRead)
  }
}

/**
 * Sends `source` on to `sink` and ends it; rejects when either fails, and then neither goes on. Files go through buffers that are used over
 * and over.
 */
export async function pour(source: Readable, sink: Writable): Promise<void> {
  if (!(source instanceof FileStream)) return pipeline(source, sink)
  sink.on('error', () => undefined) // told by the rejection, as pipeline does
  try {
    await source.copyTo(sink)
    sink.end()
  } catch (error) {
    sink.destroy(error instanceof Error ? error : undefined)
    throw error
  }
}

function handedOver(sink: Writable, piece: Buffer): Promise<void> {
  return new Promise((resolve, reject) => {
    sink.write(piece, (error) => (error ? reject(error) : resolve()))
  })
}
