import { randomUUID } from 'node:crypto'
import { sql } from 'kysely'
import { npmNameOf, type PackageName } from '../../base/name.ts'
import { fullSecond, type Millis, seconds } from '../../base/time.ts'
import type { ChangeKind, MaintainerRow, PackageRow, Reader, TagRow, Tx } from '../sql/database.ts'

const SECOND = seconds(1)

/** A package by its npm spelling: one indexed read. Hot paths compile this once (see Sql.first). */
export const packageByNpmName = (db: Reader) =>
  db.selectFrom('package').selectAll().where('host', '=', '').where('npm_name', '=', '').compile()

export function findPackage(db: Reader, host: string, npmName: string): Promise<PackageRow | undefined> {
  return db
    .selectFrom('package')
    .selectAll()
    .where('host', '=', host)
    .where('npm_name', '=', npmName)
    .executeTakeFirst()
}

export function findPackageById(db: Reader, id: string): Promise<PackageRow | undefined> {
  return db.selectFrom('package').selectAll().where('id', '=', id).executeTakeFirst()
}

/** Packages of this registry that have not been unpublished, by namespace and name. */
export function listPackages(db: Reader): Promise<PackageRow[]> {
  return db
    .selectFrom('package')
    .selectAll()
    .where('host', '=', '')
    .where('removed_at', 'is', null)
    .orderBy('namespace')
    .orderBy('name')
    .execute()
}

/** The row of a package that begins now: public, with nothing in it. */
export function newPackage(name: PackageName, source: PackageRow['source'], now: Millis): PackageRow {
  return {
    id: randomUUID(),
    host: name.host,
    npm_name: npmNameOf(name),
    namespace: name.namespace,
    name: name.name,
    source,
    access: 'public',
    revision: 1,
    require_tfa_at: null,
    created_at: now,
    modified_at: now,
    yanked_at: null,
    removed_at: null,
  }
}

/** Throws Conflict when the npm spelling is taken on that host. */
export async function insertPackage(tx: Tx, row: PackageRow): Promise<void> {
  await tx.insertInto('package').values(row).execute()
}

export type PackageChange = Partial<
  Pick<PackageRow, 'access' | 'require_tfa_at' | 'yanked_at' | 'removed_at' | 'source' | 'namespace' | 'name'>
>

/**
 * Raises the revision and resolves to the row as it is then; every write to a package begins with this, so that on Postgres the row's
 * lock orders the writers of one package. HTTP's dates have whole seconds: where a change falls into the second of the one before, or before it
 * since clocks differ, the new date is the next full second: one without milliseconds is perhaps of several states.
 */
export function bumpPackage(
  tx: Tx,
  id: string,
  now: Millis,
  change: PackageChange = {},
): Promise<PackageRow> {
  return tx
    .updateTable('package')
    .set((eb) => ({
      ...change,
      revision: eb('revision', '+', 1),
      // In its first state a package holds nothing to be read.
      modified_at: sql<number>`case
        when revision = 1 or modified_at < ${now - (now % SECOND)} then ${now}
        when modified_at <= ${fullSecond(now)} then ${fullSecond(now)}
        else modified_at + 999 - (modified_at + 999) % 1000 end`,
    }))
    .where('id', '=', id)
    .returningAll()
    .executeTakeFirstOrThrow()
}

/** Appends to the feed, one transaction at a time: Postgres would else show a later number before an earlier one. */
export async function appendChange(
  tx: Tx,
  packageId: string,
  change: { at: Millis; kind: ChangeKind; detail: object },
): Promise<void> {
  await tx
    .updateTable('feed')
    .set((eb) => ({ turn: eb('turn', '+', 1) }))
    .where('id', '=', 'change')
    .execute()
  await tx
    .insertInto('change')
    .values({
      package_id: packageId,
      at: change.at,
      kind: change.kind,
      detail: JSON.stringify(change.detail),
    })
    .execute()
}

export function listTags(db: Reader, packageId: string): Promise<TagRow[]> {
  return db.selectFrom('tag').selectAll().where('package_id', '=', packageId).orderBy('tag').execute()
}

export async function upsertTag(tx: Tx, row: TagRow): Promise<void> {
  await tx
    .insertInto('tag')
    .values(row)
    .onConflict((conflict) => conflict.columns(['package_id', 'tag']).doUpdateSet({ version: row.version }))
    .execute()
}

/** Tells whether there was such a tag. */
export async function deleteTag(tx: Tx, packageId: string, tag: string): Promise<boolean> {
  const result = await tx
    .deleteFrom('tag')
    .where('package_id', '=', packageId)
    .where('tag', '=', tag)
    .executeTakeFirst()
  return result.numDeletedRows > 0n
}

export async function deleteTags(tx: Tx, packageId: string): Promise<void> {
  await tx.deleteFrom('tag').where('package_id', '=', packageId).execute()
}

/** Drops what was mirrored of a package that becomes ours. */
export async function forgetMirrored(tx: Tx, packageId: string): Promise<void> {
  await tx.deleteFrom('upstream_document').where('package_id', '=', packageId).execute()
  await tx.deleteFrom('attestation').where('package_id', '=', packageId).execute()
  await tx.deleteFrom('version').where('package_id', '=', packageId).execute()
  await deleteTags(tx, packageId)
}

export function listMaintainers(db: Reader, packageId: string): Promise<MaintainerRow[]> {
  return db
    .selectFrom('maintainer')
    .selectAll()
    .where('package_id', '=', packageId)
    .orderBy('namespace')
    .execute()
}

/** Makes or accepts: the row stands as given afterwards. */
export async function upsertMaintainer(tx: Tx, row: MaintainerRow): Promise<void> {
  await tx
    .insertInto('maintainer')
    .values(row)
    .onConflict((conflict) =>
      conflict
        .columns(['package_id', 'namespace'])
        .doUpdateSet({ accepted_at: row.accepted_at, invitation: row.invitation }),
    )
    .execute()
}

export async function deleteMaintainer(tx: Tx, packageId: string, namespace: string): Promise<void> {
  await tx
    .deleteFrom('maintainer')
    .where('package_id', '=', packageId)
    .where('namespace', '=', namespace)
    .execute()
}

/** Tells whether packages of this npm scope (without the @) are mirrored here from upstream. */
export async function hasMirroredScope(db: Reader, scope: string): Promise<boolean> {
  const row = await db
    .selectFrom('package')
    .select('id')
    .where('host', '=', '')
    .where('source', '=', 'mirror')
    // '0' is the character after '/': a range on the index instead of a pattern.
    .where('npm_name', '>=', `@${scope}/`)
    .where('npm_name', '<', `@${scope}0`)
    .executeTakeFirst()
  return row !== undefined
}
