import { createHash } from 'node:crypto'
import type { Digest } from '../base/digest.ts'
import { days, type Millis } from '../base/time.ts'
import { listReferences } from '../storage/tables/references.ts'
import type { ContentStore } from './content.ts'
import type { Context } from './context.ts'
import type { FileTree } from './model.ts'

export type Garbage = { readonly blobs: number; readonly bytes: number }
/** A blob that rows refer to and that is not as it should be. */
export type Damage = { readonly digest: Digest; readonly of: string; readonly what: 'missing' | 'changed' }
export type Health = { readonly blobs: number; readonly bytes: number; readonly damages: readonly Damage[] }

/** Younger blobs may belong to a publish that has not written its rows yet. */
const SETTLING = days(1)

/** Looking after what is stored: what nobody refers to any more, and whether everything else is whole. */
export class Upkeep {
  readonly #context: Context
  readonly #content: ContentStore

  constructor(context: Context, content: ContentStore) {
    this.#context = context
    this.#content = content
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
    for await (const { digest } of this.#references()) used.add(digest)
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
  async verify(): Promise<Health> {
    const damages: Damage[] = []
    const seen = new Set<Digest>()
    let bytes = 0
    for await (const { digest, of } of this.#references()) {
      if (seen.has(digest)) continue
      seen.add(digest)
      const size = await this.#check(digest)
      if (typeof size === 'number') bytes += size
      else damages.push({ digest, of, what: size })
    }
    return { blobs: seen.size, bytes, damages }
  }

  /** The blob's size when it is whole. */
  async #check(digest: Digest): Promise<number | Damage['what']> {
    const { blobs } = this.#context.storage
    if (!(await blobs.stat(digest))) return 'missing'
    const hash = createHash('sha512')
    let size = 0
    for await (const chunk of await blobs.openOriginal(digest)) {
      hash.update(chunk)
      size += chunk.length
    }
    return `sha512-${hash.digest('base64')}` === digest ? size : 'changed'
  }

  /** A tree that is damaged holds nothing; verify reports the tree itself. */
  async #tree(digest: Digest): Promise<FileTree> {
    try {
      return await this.#content.loadTree(digest)
    } catch (error) {
      this.#context.log.warn({ err: error, digest }, 'a file tree cannot be read')
      return []
    }
  }

  /** What rows refer to, and what the trees among it hold. */
  async *#references(): AsyncGenerator<{ digest: Digest; of: string }> {
    for await (const { digest, isTree, of } of listReferences(this.#context.storage.sql.read)) {
      yield { digest, of }
      if (!isTree) continue
      for (const file of await this.#tree(digest)) yield { digest: file.digest, of: `${of} ${file.path}` }
    }
  }
}
