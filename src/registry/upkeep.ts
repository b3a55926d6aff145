import type { CompiledQuery } from 'kysely'
import type { Digest } from '../base/digest.ts'
import { days, type Millis } from '../base/time.ts'
import type { Damage, Wanted } from '../storage/move/blobs.ts'
import { rememberFiles } from '../storage/tables/objects.ts'
import { listReferences, listTrees } from '../storage/tables/references.ts'
import { settingByName, upsertSetting } from '../storage/tables/settings.ts'
import type { Context } from './context.ts'
import { everyBlob, treeOf } from './references.ts'
import { examineAll } from './restore.ts'

export type Garbage = { readonly blobs: number; readonly bytes: number }
export type Health = { readonly blobs: number; readonly bytes: number; readonly damages: readonly Damage[] }

/** Younger blobs may belong to a publish that has not written its rows yet. */
const SETTLING = days(1)
const SAVED = 'saved-bytes'
const FILES_NOTED = 'files-noted'

/** Looking after what is stored: what nobody refers to any more, and whether everything else is whole. */
export class Upkeep {
  readonly #context: Context
  readonly #setting: CompiledQuery<{ value: string }>

  constructor(context: Context) {
    this.#context = context
    this.#setting = settingByName(context.storage.sql.read)
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
    if (!dryRun) await this.#noteFiles(signal)
    const before = this.#context.clock.now() - settling
    const used = new Set<Digest>()
    let saved = 0
    const again = (size: number) => (saved += size)
    for await (const { digest } of this.#referred(again)) used.add(digest)
    await this.#note(saved)
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

  /** Once: notes whose the files are of versions that older releases stored without saying. */
  async #noteFiles(signal: AbortSignal | undefined): Promise<void> {
    const { sql, blobs } = this.#context.storage
    if (await sql.first(this.#setting, [FILES_NOTED])) return
    for await (const { packageId, tree, readmes } of listTrees(sql.read)) {
      if (signal?.aborted) return
      const files = await treeOf(blobs, tree).catch((err: unknown) => this.#unreadable(tree, err))
      const digests = [...(files ?? []).map(({ digest }) => digest), ...readmes]
      await sql.transaction((tx) => rememberFiles(tx, packageId, digests))
    }
    await sql.transaction((tx) => upsertSetting(tx, { name: FILES_NOTED, value: 'yes' }))
  }

  /** Bytes of files that several versions hold and that are stored once, as it was when garbage was last looked for. */
  async savedBytes(): Promise<number> {
    const row = await this.#context.storage.sql.first(this.#setting, [SAVED])
    return Number(row?.value ?? 0)
  }

  #note(saved: number): Promise<void> {
    const row = { name: SAVED, value: String(saved) }
    return this.#context.storage.sql.transaction((tx) => upsertSetting(tx, row))
  }

  /** Reads every blob that is referred to and compares it with its address. */
  verify(): Promise<Health> {
    return examineAll(this.#context.storage.blobs, this.#referred())
  }

  /** A tree that is damaged holds nothing; verify reports the tree itself. */
  #referred(again?: (bytes: number) => void): AsyncGenerator<Wanted> {
    const { sql, blobs } = this.#context.storage
    const unreadable = ({ digest }: Wanted, err: unknown) => this.#unreadable(digest, err)
    return everyBlob(listReferences(sql.read), { blobs, unreadable, ...(again && { again }) })
  }

  #unreadable(digest: Digest, err: unknown): void {
    this.#context.log.warn({ err, digest }, 'a file tree cannot be read')
  }
}
