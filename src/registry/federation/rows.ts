import { npmNameOf, type PackageName } from '../../base/name.ts'
import type { PackageRow, Tx, UpstreamDocumentRow } from '../../storage/sql/database.ts'
import {
  appendChange,
  bumpPackage,
  deleteTags,
  findPackage,
  insertPackage,
  newPackage,
  upsertTag,
} from '../../storage/tables/packages.ts'
import { upsertUpstreamDocument } from '../../storage/tables/upstream.ts'
import { insertVersion, listVersionHeads, updateVersion } from '../../storage/tables/versions.ts'
import { mirroredVersion } from '../mirror/rows.ts'
import type { PeerPackage } from './documents.ts'

export type PeerArrival = {
  readonly name: PackageName
  readonly document: PeerPackage
  readonly stored: Omit<UpstreamDocumentRow, 'package_id'>
}

/** Keeps what another registry says of a package. Resolves to its row, and the versions whose content was exchanged there: ours stay. */
export async function writePeerPackage(
  tx: Tx,
  { name, document, stored }: PeerArrival,
): Promise<{ row: PackageRow; refused: string[] }> {
  const now = stored.checked_at
  const known = await findPackage(tx, name.host, npmNameOf(name))
  const yanked = { yanked_at: document.yanked ? (known?.yanked_at ?? now) : null }
  const row = known
    ? await bumpPackage(tx, known.id, now, yanked)
    : { ...newPackage(name, 'mirror', now), ...yanked }
  if (!known) await insertPackage(tx, row)
  const refused = await writeVersions(tx, row, document)
  await deleteTags(tx, row.id)
  for (const [tag, version] of document.tags) await upsertTag(tx, { package_id: row.id, tag, version })
  await upsertUpstreamDocument(tx, { package_id: row.id, ...stored })
  await appendChange(tx, row.id, { at: now, kind: 'refresh', detail: { document: stored.document } })
  return { row, refused }
}

/** A version no longer in the map was yanked there. */
async function writeVersions(tx: Tx, row: PackageRow, { versions }: PeerPackage): Promise<string[]> {
  const held = new Map((await listVersionHeads(tx, row.id)).map((version) => [version.version, version]))
  for (const [version, { yanked_at }] of held) {
    const offered = versions.has(version)
    if (offered === (yanked_at === null)) continue
    const change = { yanked_at: offered ? null : row.modified_at }
    await updateVersion(tx, { packageId: row.id, version }, change)
  }
  for (const [version, integrity] of versions)
    if (!held.has(version))
      await insertVersion(tx, { ...mirroredVersion(row.id, version, row.modified_at), integrity })
  return [...versions].flatMap(([version, integrity]) => {
    const ours = held.get(version)
    return ours && ours.integrity !== integrity ? [version] : []
  })
}
