import type { Reader, Tx } from '../storage/sql/database.ts'
import { deleteTag, listTags, upsertTag } from '../storage/tables/packages.ts'
import { listVersionHeads } from '../storage/tables/versions.ts'
import { newestOf, type Tags } from './tags.ts'

/** The tags of a package of our own. */
export async function currentTags(db: Reader, packageId: string): Promise<Tags> {
  return Object.fromEntries((await listTags(db, packageId)).map(({ tag, version }) => [tag, version]))
}

/** Tags on versions that are no longer offered go; `latest` moves to the newest that is. */
export async function repairLatest(tx: Tx, packageId: string): Promise<void> {
  const rows = await listVersionHeads(tx, packageId)
  const offered = rows
    .filter((row) => row.removed_at === null && row.yanked_at === null)
    .map((row) => row.version)
  for (const { tag, version } of await listTags(tx, packageId))
    if (!offered.includes(version)) await deleteTag(tx, packageId, tag)
  const newest = newestOf(offered)
  if (newest !== undefined && (await currentTags(tx, packageId)).latest === undefined)
    await upsertTag(tx, { package_id: packageId, tag: 'latest', version: newest })
}
