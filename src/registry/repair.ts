import { isFault } from '../base/fault.ts'
import type { Damage } from '../storage/move/blobs.ts'
import type { PackageRow, VersionRow } from '../storage/sql/database.ts'
import { findPackageById } from '../storage/tables/packages.ts'
import { findVersion, updateVersion } from '../storage/tables/versions.ts'
import type { ContentStore } from './content.ts'
import type { Contents } from './contents.ts'
import type { Context } from './context.ts'
import type { Mirror } from './mirror.ts'
import { headOf } from './package-head.ts'

/** Brings back stored files that were lost or changed: from upstream, or out of the tarball they came in. */
export class Repair {
  readonly #context: Context
  readonly #content: ContentStore
  readonly #contents: Contents
  readonly #mirror: Mirror

  constructor(context: Context, parts: { content: ContentStore; contents: Contents; mirror: Mirror }) {
    this.#context = context
    this.#content = parts.content
    this.#contents = parts.contents
    this.#mirror = parts.mirror
  }

  /** Does what can be done about what verify found. What could not be done is logged, and found by verify again. */
  async mend(damages: readonly Damage[]): Promise<void> {
    const { blobs } = this.#context.storage
    // What lies there under a wrong name would be taken for the right bytes.
    for (const { digest, what } of damages) if (what === 'changed') await blobs.remove(digest)
    const holders = new Set(damages.map(({ of }) => of.split(' ', 1)[0] ?? ''))
    for (const holder of holders)
      await this.#mendHolder(holder).catch((err: unknown) => {
        if (!isFault(err)) throw err
        this.#context.log.warn({ err, holder }, 'could not be repaired')
      })
  }

  /** `holder` is a package's id, and @version where it is not the package's own document. */
  async #mendHolder(holder: string): Promise<void> {
    const { read } = this.#context.storage.sql
    const [id = '', ...rest] = holder.split('@')
    const row = await findPackageById(read, id)
    if (!row) return
    if (rest.length === 0) return void (await this.#mirror.document(headOf(row)))
    const version = await findVersion(read, id, rest.join('@'))
    if (version && row.source === 'mirror' && row.host === '') return this.#mendMirrored(row, version)
    if (version?.tarball)
      await this.#content.keepTree((await this.#content.unpack(version.tarball, 'refuse')).files)
  }

  /** Fetched again when it is not here; then its files are taken out of it again. */
  async #mendMirrored(row: PackageRow, { version, tree }: VersionRow): Promise<void> {
    const head = headOf(row)
    await this.#mirror.fetchTarball(head, version)
    if (tree === null) return
    await this.#context.storage.sql.transaction((tx) =>
      updateVersion(tx, { packageId: head.id, version }, { tree: null, integrity: null }),
    )
    await this.#contents.version(head, version)
  }
}
