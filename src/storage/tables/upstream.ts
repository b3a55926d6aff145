import type { Millis } from '../../base/time.ts'
import type { Reader, Tx, UpstreamDocumentRow } from '../sql/database.ts'

/** The copy of a package, by its id: one indexed read, to be compiled once (see Sql.first). */
export const documentOfPackage = (db: Reader) =>
  db.selectFrom('upstream_document').selectAll().where('package_id', '=', '').compile()

export function findUpstreamDocument(
  db: Reader,
  packageId: string,
): Promise<UpstreamDocumentRow | undefined> {
  return db.selectFrom('upstream_document').selectAll().where('package_id', '=', packageId).executeTakeFirst()
}

export async function upsertUpstreamDocument(tx: Tx, row: UpstreamDocumentRow): Promise<void> {
  const { package_id: _, ...document } = row
  await tx
    .insertInto('upstream_document')
    .values(row)
    .onConflict((conflict) => conflict.column('package_id').doUpdateSet(document))
    .execute()
}

export type UpstreamCheck = Pick<UpstreamDocumentRow, 'checked_at'> &
  Partial<Pick<UpstreamDocumentRow, 'upstream' | 'etag' | 'last_modified'>>

/** Notes that upstream was asked and our copy of the document is what it has. */
export async function touchUpstreamDocument(tx: Tx, packageId: string, check: UpstreamCheck): Promise<void> {
  await tx.updateTable('upstream_document').set(check).where('package_id', '=', packageId).execute()
}

/**
 * The versions of a mirrored package that hold a manifest of their own: it stands, `dist` and all, in the place of what the
 * upstream document says now.
 */
export function listPinnedVersions(
  db: Reader,
  packageId: string,
): Promise<{ version: string; manifest: string | null }[]> {
  return db
    .selectFrom('version')
    .select(['version', 'manifest'])
    .where('package_id', '=', packageId)
    .where('manifest', 'is not', null)
    .execute()
}

/** What the tarballs of a mirrored package hold, JSON, as far as somebody has looked. */
export async function listContained(
  db: Reader,
  packageId: string,
): Promise<{ version: string; contained: string }[]> {
  const rows = await db
    .selectFrom('version')
    .select(['version', 'contained'])
    .where('package_id', '=', packageId)
    .where('contained', 'is not', null)
    .execute()
  return rows.map(({ version, contained }) => ({ version, contained: contained ?? '{}' }))
}

/** Marks versions as withdrawn upstream since `at`, or as offered again (null). What is stored of them stays. */
export async function markWithdrawn(
  tx: Tx,
  packageId: string,
  { versions, at }: { versions: readonly string[]; at: Millis | null },
): Promise<void> {
  if (versions.length === 0) return
  await tx
    .updateTable('version')
    .set({ removed_at: at })
    .where('package_id', '=', packageId)
    .where('version', 'in', versions)
    .execute()
}
