import type { ChangeRow, PackageRow, Reader } from '../sql/database.ts'

/** Changes after `since`, oldest first, each with the package it happened to. */
export async function listChanges(
  db: Reader,
  since: number,
  limit: number,
): Promise<{ change: ChangeRow; package: PackageRow }[]> {
  const changes = await db
    .selectFrom('change')
    .selectAll()
    .where('seq', '>', since)
    .orderBy('seq')
    .limit(limit)
    .execute()
  const ids = [...new Set(changes.map((change) => change.package_id))]
  const rows =
    ids.length === 0 ? [] : await db.selectFrom('package').selectAll().where('id', 'in', ids).execute()
  const packages = new Map(rows.map((row) => [row.id, row]))
  return changes.flatMap((change) => {
    const found = packages.get(change.package_id)
    return found ? [{ change, package: found }] : []
  })
}

/** Packages of our own whose latest version has `text` in its abbreviated manifest, with that manifest. */
export function listLatestHolding(
  db: Reader,
  text: string,
): Promise<(PackageRow & { short: string | null })[]> {
  return db
    .selectFrom('package')
    .innerJoin('tag', (on) => on.onRef('tag.package_id', '=', 'package.id').on('tag.tag', '=', 'latest'))
    .innerJoin('version', (on) =>
      on
        .onRef('version.package_id', '=', 'package.id')
        .onRef('version.version', '=', 'tag.version')
        .on('version.yanked_at', 'is', null),
    )
    .selectAll('package')
    .select('version.short')
    .where('package.source', '=', 'local')
    .where('package.removed_at', 'is', null)
    .where('version.short', 'like', `%${text}%`)
    .orderBy('package.namespace')
    .orderBy('package.name')
    .execute()
}
