import type { Digest } from '../base/digest.ts'
import { days, type Millis } from '../base/time.ts'
import type { Damage, Wanted } from '../storage/move/blobs.ts'
import { listReferences } from '../storage/tables/references.ts'
import type { Context } from './context.ts'
import { everyBlob } from './references.ts'
import { examineAll } from './restore.ts'

export type Garbage = { readonly blobs: number; readonly bytes: number }
export type Health = { readonly blobs: number; readonly bytes: number; readonly damages: readonly Damage[] }

/** Younger blobs may belong to a publish that has not written its rows yet. */
const SETTLING = days(1)

/** Looking after what is stored: what nobody refers to any more, and whether everything else is whole. */
export class Upkeep {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  /**
   * Deletes blobs that nothing refers to and that are older than `settling` (a day). With `dryRun` it only counts them; it
   * stops where it is when `signal` says so. Safe beside a
   * running registry: whatever is adopted anew is made young again.
   */
  async collectGarbage({
    dryRun = false,
    settling = SETTLING,
    signal,
  }: {
    dryRun?: boolean
    settling?: Millis
    signal?: AbortSignal
  } = {}): Promise<Garbage> {
    const { blobs } = this.#context.storage
    const before = this.#context.clock.now() - settling
    const used = new Set<Digest>()
    for await (const { digest } of this.#referred()) used.add(digest)
    let count = 0
    let bytes = 0
    for await (const digest of blobs.list()) {
      if (signal?.aborted) break
      if (used.has(digest)) continue
      const stat = await blobs.stat(digest)
      if (!stat || stat.modifiedAt > before) continue
      if (!dryRun) await blobs.remove(digest)
      count += 1
      bytes += stat.size
    }
    return { blobs: count, bytes }
  }

  /** Reads every blob that is referred to and compares it with its address. */
  verify(): Promise<Health> {
    return examineAll(this.#context.storage.blobs, this.#referred())
  }

  /** A tree that is damaged holds nothing; verify reports the tree itself. */
  #referred(): AsyncGenerator<Wanted> {
    const { sql, blobs } = this.#context.storage
    const unreadable = ({ digest }: Wanted, err: unknown) =>
      this.#context.log.warn({ err, digest }, 'a file tree cannot be read')
    return everyBlob(listReferences(sql.read), { blobs, unreadable })
  }
}
