import { open } from 'node:fs/promises'
import { type Millis, seconds } from '../../base/time.ts'
import type { SqliteFile } from './sqlite-file.ts'

/** What commits without waiting for the disk is on it after about this long. */
const SETTLE_AFTER: Millis = seconds(1) / 2

/**
 * Says of each transaction whether its commit waits until the write-ahead log is on the disk. The log is one file written in order: whatever is
 * synced takes along all that was committed before.
 */
export class WriteAheadLog {
  readonly #path: string
  readonly #writer: SqliteFile
  #isAwaited: boolean | undefined
  #timer: NodeJS.Timeout | undefined
  #settling: Promise<void> = Promise.resolve()

  constructor(database: string, writer: SqliteFile) {
    this.#path = `${database}-wal`
    this.#writer = writer
    this.awaitDisk()
  }

  /** The next commit outlives a power cut. */
  awaitDisk(): void {
    this.#choose(true)
  }

  /** The next commit outlives this process, and within moments a power cut; nobody waits for that. */
  spareDisk(): void {
    this.#choose(false)
    this.#timer ??= setTimeout(() => this.#settle(), SETTLE_AFTER).unref()
  }

  async close(): Promise<void> {
    if (this.#timer) this.#settle()
    await this.#settling
  }

  /** SQLite's `normal` syncs the log only before it is folded into the file, `full` with each commit as well. */
  #choose(isAwaited: boolean): void {
    if (this.#isAwaited === isAwaited) return
    this.#writer.exec(`pragma synchronous = ${isAwaited ? 'full' : 'normal'}`)
    this.#isAwaited = isAwaited
  }

  #settle(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#settling = syncFile(this.#path).catch(() => undefined) // folded away meanwhile, which syncs too
  }
}

async function syncFile(path: string): Promise<void> {
  await using file = await open(path)
  await file.datasync()
}
