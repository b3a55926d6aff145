import type { Digest } from '../../base/digest.ts'
import type { PackageRow, Reader } from '../sql/database.ts'

/** The packages a version of which is this tarball, file tree or Entropic manifest. */
export function listHolders(db: Reader, digest: Digest): Promise<PackageRow[]> {
  const holding = db
    .selectFrom('version')
    .select('package_id')
    .where((is) => is.or([is('tarball', '=', digest), is('tree', '=', digest), is('integrity', '=', digest)]))
  return db.selectFrom('package').selectAll().where('id', 'in', holding).execute()
}
