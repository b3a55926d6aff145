import type { Millis } from '../../base/time.ts'
import type { PackageRow, Reader, Tx, VersionRow } from '../sql/database.ts'
import { rememberContent } from './objects.ts'

export function findVersion(db: Reader, packageId: string, version: string): Promise<VersionRow | undefined> {
  return db
    .selectFrom('version')
    .selectAll()
    .where('package_id', '=', packageId)
    .where('version', '=', version)
    .executeTakeFirst()
}

/** Every version, removed ones too, in the order of publishing. */
export async function listVersions(db: Reader, packageId: string): Promise<VersionRow[]> {
  const rows = await db.selectFrom('version').selectAll().where('package_id', '=', packageId).execute()
  return inOrder(rows)
}

const SUMMARY = [
  'package_id',
  'version',
  'tarball',
  'sha1',
  'size',
  'tree',
  'integrity',
  'file_count',
  'unpacked_size',
  'readme',
  'readme_html',
  'published_at',
  'publisher',
  'deprecated',
  'yanked_at',
  'removed_at',
] as const

export type VersionSummary = Pick<VersionRow, (typeof SUMMARY)[number]>

/** As listVersions, without the manifests. */
export async function listVersionHeads(db: Reader, packageId: string): Promise<VersionSummary[]> {
  return inOrder(await db.selectFrom('version').select(SUMMARY).where('package_id', '=', packageId).execute())
}

/** As listVersions, of the manifests only what the abbreviated form says. */
export async function listShortVersions(
  db: Reader,
  packageId: string,
): Promise<(VersionSummary & Pick<VersionRow, 'short'>)[]> {
  const query = db.selectFrom('version').select(SUMMARY).select('short').where('package_id', '=', packageId)
  return inOrder(await query.execute())
}

/** Ordered here: a database would carry every manifest through its sorter, and SQLite take megabytes at a time for it. */
function inOrder<R extends Pick<VersionRow, 'published_at' | 'version'>>(rows: R[]): R[] {
  return rows.sort((a, b) => a.published_at - b.published_at || (a.version < b.version ? -1 : 1))
}

/** Throws Conflict when the version exists, also as a removed one. */
export async function insertVersion(tx: Tx, row: VersionRow): Promise<void> {
  await tx.insertInto('version').values(row).execute()
}

/** Keeps what is known of a mirrored version's content; fields that are null leave the stored ones alone. */
export async function upsertMirroredVersion(tx: Tx, row: VersionRow): Promise<void> {
  const known = Object.fromEntries(Object.entries(row).filter(([, value]) => value !== null))
  await tx
    .insertInto('version')
    .values(row)
    .onConflict((conflict) => conflict.columns(['package_id', 'version']).doUpdateSet(known))
    .execute()
}

export type VersionChange = Partial<Omit<VersionRow, 'package_id' | 'version' | 'published_at'>>

/** Tells whether there was such a version that is not removed. */
export async function updateVersion(
  tx: Tx,
  key: { packageId: string; version: string },
  change: VersionChange,
): Promise<boolean> {
  const result = await tx
    .updateTable('version')
    .set(change)
    .where('package_id', '=', key.packageId)
    .where('version', '=', key.version)
    .where('removed_at', 'is', null)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Yanks what is not yanked yet. */
export async function yankVersions(tx: Tx, packageId: string, at: Millis): Promise<void> {
  await tx
    .updateTable('version')
    .set({ yanked_at: at })
    .where('package_id', '=', packageId)
    .where('yanked_at', 'is', null)
    .execute()
}

/** Takes the content of every version away; the numbers stay taken. */
export async function removeVersions(tx: Tx, packageId: string, at: Millis): Promise<void> {
  await rememberContent(tx, packageId)
  await tx
    .updateTable('version')
    .set(removedContent(at))
    .where('package_id', '=', packageId)
    .where('removed_at', 'is', null)
    .execute()
}

/** As removeVersions, of one. Tells whether there was such a version that was not removed. */
export async function removeVersion(
  tx: Tx,
  key: { packageId: string; version: string },
  at: Millis,
): Promise<boolean> {
  await rememberContent(tx, key.packageId, key.version)
  return updateVersion(tx, key, removedContent(at))
}

/** What a version row becomes when it is unpublished: nothing refers to its blobs any more. */
function removedContent(at: Millis): VersionChange {
  return {
    removed_at: at,
    manifest: null,
    short: null,
    tarball: null,
    tree: null,
    integrity: null,
    readme: null,
    readme_html: null,
  }
}

const TARBALL_COLUMNS = [
  'version.package_id',
  'version.version',
  'version.tarball',
  'version.sha1',
  'version.size',
  'version.published_at',
  'version.removed_at',
] as const
export type TarballOfVersion = Pick<
  VersionRow,
  'package_id' | 'version' | 'tarball' | 'sha1' | 'size' | 'published_at' | 'removed_at'
>
export type StoredTarball = TarballOfVersion & Pick<PackageRow, 'access' | 'source'>

/** What there is of a version's tarball: one indexed read by package id and version, to be compiled once (see Sql.first). */
export const tarballOfVersion = (db: Reader) =>
  db
    .selectFrom('version')
    .select(TARBALL_COLUMNS)
    .where('package_id', '=', '')
    .where('version', '=', '')
    .compile()

/** A version's tarball by npm name and version: one indexed read for the hot path. */
export const tarballByName = (db: Reader) =>
  db
    .selectFrom('package')
    .innerJoin('version', 'version.package_id', 'package.id')
    .select([...TARBALL_COLUMNS, 'package.access', 'package.source'])
    .where('package.host', '=', '')
    .where('package.npm_name', '=', '')
    .where('version.version', '=', '')
    .compile()
