import type { Digest } from '../../base/digest.ts'
import type { Millis } from '../../base/time.ts'
import type { Reader, TarballUseRow, Tx } from '../sql/database.ts'

/** Rows of one insert; engines limit how many parameters a statement has. */
const AT_ONCE = 200

export async function upsertUses(tx: Tx, rows: readonly TarballUseRow[]): Promise<void> {
  for (let from = 0; from < rows.length; from += AT_ONCE)
    await tx
      .insertInto('tarball_use')
      .values(rows.slice(from, from + AT_ONCE))
      .onConflict((conflict) =>
        conflict
          .columns(['package_id', 'version'])
          .doUpdateSet((eb) => ({ used_at: eb.ref('excluded.used_at') })),
      )
      .execute()
}

/** A mirrored tarball that could be fetched again; `usedAt` is 0 when nobody ever asked. */
export type MirroredTarballRow = {
  readonly packageId: string
  readonly npmName: string
  readonly version: string
  readonly tarball: Digest
  readonly size: number
  readonly usedAt: Millis
}

/** Every tarball mirrored from upstream and offered there still, those not asked for the longest first. */
export async function listMirroredTarballs(db: Reader): Promise<MirroredTarballRow[]> {
  const rows = await db
    .selectFrom('version')
    .innerJoin('package', 'package.id', 'version.package_id')
    .leftJoin('tarball_use', (on) =>
      on
        .onRef('tarball_use.package_id', '=', 'version.package_id')
        .onRef('tarball_use.version', '=', 'version.version'),
    )
    .select(['version.package_id', 'package.npm_name', 'version.version', 'version.tarball', 'version.size'])
    .select(({ fn, val }) => fn.coalesce('tarball_use.used_at', val(0)).as('used_at'))
    .where('package.source', '=', 'mirror')
    .where('package.host', '=', '')
    .where('version.tarball', 'is not', null)
    .where('version.removed_at', 'is', null)
    .orderBy('used_at')
    .orderBy('version.package_id')
    .orderBy('version.version')
    .execute()
  return rows.flatMap(
    ({ package_id: packageId, npm_name: npmName, tarball, size, used_at: usedAt, ...row }) =>
      tarball === null ? [] : [{ ...row, packageId, npmName, tarball, size: size ?? 0, usedAt }],
  )
}

/** Takes the stored content of a mirrored version away; upstream has it still. */
export async function forgetContent(tx: Tx, packageId: string, version: string): Promise<void> {
  const content = { tarball: null, sha1: null, size: null, tree: null, integrity: null }
  await tx
    .updateTable('version')
    .set({ ...content, file_count: null, unpacked_size: null, readme: null, readme_html: null })
    .where('package_id', '=', packageId)
    .where('version', '=', version)
    .execute()
}
