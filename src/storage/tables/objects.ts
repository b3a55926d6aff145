import type { Digest } from '../../base/digest.ts'
import type { PackageRow, Reader, Tx } from '../sql/database.ts'

/** Rows written by one statement, a power of two. */
const AT_ONCE = 128

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
      .values(padded(rows.slice(at, at + AT_ONCE)))
      .onConflict((conflict) => conflict.doNothing())
      .execute()
}

/** As many as the next power of two, the last one again and again: each length makes a statement of its own, which is kept. */
function padded<R>(rows: readonly R[]): R[] {
  const length = 2 ** Math.ceil(Math.log2(rows.length))
  return Array.from({ length }, (_, n) => rows[n] ?? rows.at(-1)).filter((row) => row !== undefined)
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
