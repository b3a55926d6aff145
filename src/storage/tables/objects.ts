import type { Digest } from '../../base/digest.ts'
import type { PackageRow, Reader, Tx } from '../sql/database.ts'

/** The packages a version of which is this tarball, file tree or Entropic manifest, or was before it was unpublished. */
export function listHolders(db: Reader, digest: Digest): Promise<PackageRow[]> {
  const holding = db
    .selectFrom('version')
    .select('package_id')
    .where((is) => is.or([is('tarball', '=', digest), is('tree', '=', digest), is('integrity', '=', digest)]))
    .union(db.selectFrom('former_content').select('package_id').where('digest', '=', digest))
  return db.selectFrom('package').selectAll().where('id', 'in', holding).execute()
}

/** Whether a version that waits for its approval is this tarball. */
export async function isStaged(db: Reader, digest: Digest): Promise<boolean> {
  return (
    (await db.selectFrom('staged').select('id').where('tarball', '=', digest).executeTakeFirst()) !==
    undefined
  )
}

/** Remembers what versions of a package are made of, before that is taken from their rows; all of them, or the one named. */
export async function rememberContent(tx: Tx, packageId: string, version?: string): Promise<void> {
  for (const column of ['tarball', 'tree', 'integrity'] as const) {
    const made = tx
      .selectFrom('version')
      .select([column, 'package_id'])
      .distinct()
      .where('package_id', '=', packageId)
      .where(column, 'is not', null)
      .$if(version !== undefined, (query) => query.where('version', '=', version ?? ''))
    await tx
      .insertInto('former_content')
      .columns(['digest', 'package_id'])
      .expression(made)
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  }
}
