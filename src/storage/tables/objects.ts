import type { Digest } from '../../base/digest.ts'
import type { PackageRow, Reader, Tx } from '../sql/database.ts'

/** Rows written by one statement. */
const AT_ONCE = 200

/** The packages a version of which holds this file, or is this tarball, file tree or Entropic manifest; or did before it was unpublished. */
export function listHolders(db: Reader, digest: Digest): Promise<PackageRow[]> {
  const holding = db
    .selectFrom('version')
    .select('package_id')
    .where((is) => is.or([is('tarball', '=', digest), is('tree', '=', digest), is('integrity', '=', digest)]))
    .union(db.selectFrom('package_content').select('package_id').where('digest', '=', digest))
  return db.selectFrom('package').selectAll().where('id', 'in', holding).execute()
}

/** Whether a version that waits for its approval is this tarball. */
export async function isStaged(db: Reader, digest: Digest): Promise<boolean> {
  return (
    (await db.selectFrom('staged').select('id').where('tarball', '=', digest).executeTakeFirst()) !==
    undefined
  )
}

/** Remembers the files of a version of a package, its rendered README among them. */
export async function rememberFiles(tx: Tx, packageId: string, digests: Iterable<Digest>): Promise<void> {
  const rows = Array.from(new Set(digests), (digest) => ({ digest, package_id: packageId }))
  for (let at = 0; at < rows.length; at += AT_ONCE)
    await tx
      .insertInto('package_content')
      .values(rows.slice(at, at + AT_ONCE))
      .onConflict((conflict) => conflict.doNothing())
      .execute()
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
      .insertInto('package_content')
      .columns(['digest', 'package_id'])
      .expression(made)
      .onConflict((conflict) => conflict.doNothing())
      .execute()
  }
}
