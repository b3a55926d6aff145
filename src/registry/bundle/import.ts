import type { Digest, Fingerprint } from '../../base/digest.ts'
import { fail, isFault } from '../../base/fault.ts'
import type { Millis } from '../../base/time.ts'
import type { PackageRow, Reader, Tx, UpstreamDocumentRow } from '../../storage/sql/database.ts'
import { appendChange, bumpPackage, findPackage, insertPackage } from '../../storage/tables/packages.ts'
import { findUpstreamDocument, upsertUpstreamDocument } from '../../storage/tables/upstream.ts'
import { upsertUses } from '../../storage/tables/uses.ts'
import { findVersion, upsertMirroredVersion } from '../../storage/tables/versions.ts'
import type { Context } from '../context.ts'
import { claimedScopeOf } from '../foreign-names.ts'
import { contradicts } from '../mirror/pins.ts'
import { mirroredPackage, mirroredVersion } from '../mirror/rows.ts'
import { distOf, UpstreamDocument, unpackDocument } from '../upstream-document.ts'
import { mergeDocuments } from './document.ts'
import { type BundledPackage, broken } from './manifest.ts'

/** What became of one package of a bundle. */
export type Imported =
  | {
      readonly kind: 'imported'
      readonly name: string
      readonly versions: number
      readonly refused: readonly string[]
    }
  | { readonly kind: 'unchanged'; readonly name: string }
  | { readonly kind: 'left'; readonly name: string; readonly why: string }

/** Where a bundle comes from, and its objects as they were counted and hashed on their way in. */
export type Shipment = {
  readonly from: string
  readonly created: Millis
  readonly prints: ReadonlyMap<Digest, Fingerprint>
}

type Held = { readonly row: PackageRow; readonly stored: UpstreamDocumentRow }
type Arrival = {
  readonly document: UpstreamDocument
  readonly prints: ReadonlyMap<string, Fingerprint>
}

/** Makes one package of a bundle visible, whole or not at all. Its objects are stored already. BAD_REQUEST. */
export async function importPackage(
  context: Context,
  pack: BundledPackage,
  shipment: Shipment,
): Promise<Imported> {
  const { read } = context.storage.sql
  const why = await refusalOf(read, pack.name)
  if (why !== undefined) return { kind: 'left', name: pack.name, why }
  const arrival = await arrivalOf(context, pack, shipment)
  const row = await findPackage(read, '', pack.name)
  const stored = row && (await findUpstreamDocument(read, row.id))
  if (!row || !stored) return store(context, { pack, shipment, arrival, held: undefined })
  return merge(context, { pack, shipment, arrival, held: { row, stored } })
}

/** Whether a package of a bundle is what its manifest says. Its objects are stored already. BAD_REQUEST. */
export async function checkPackage(
  context: Context,
  pack: BundledPackage,
  shipment: Shipment,
): Promise<void> {
  await arrivalOf(context, pack, shipment)
}

/** A name published here, or in a scope that is ours, comes from nowhere else. */
async function refusalOf(read: Reader, name: string): Promise<string | undefined> {
  if ((await findPackage(read, '', name))?.source === 'local') return 'it is published here'
  const scope = await claimedScopeOf(read, name)
  return scope === undefined ? undefined : `the namespace "${scope}" is ours`
}

/** The package's document and tarballs, compared with each other: what clients will be promised is what is here. */
async function arrivalOf(context: Context, pack: BundledPackage, shipment: Shipment): Promise<Arrival> {
  const document = await open(context, { document: pack.document.digest, encoding: 'identity' }, pack.name)
  if (document.member('name') !== pack.name) broken(`the document of "${pack.name}" is about another package`)
  const promised = [...document.versions].find((version) => !Object.hasOwn(pack.versions, version))
  if (promised !== undefined)
    broken(`the document of "${pack.name}" promises ${promised}, which is not in the bundle`)
  const prints = new Map<string, Fingerprint>()
  for (const [version, { digest }] of Object.entries(pack.versions)) {
    const manifest = document.manifest(version)
    const print = shipment.prints.get(digest)
    if (
      !manifest ||
      !print ||
      contradicts({ tarball: undefined, integrity: digest, shasum: print.sha1 }, distOf(manifest))
    )
      return broken(`the tarball of "${pack.name}@${version}" is not the one its document promises`)
    prints.set(version, print)
  }
  return { document, prints }
}

type Storing = {
  readonly pack: BundledPackage
  readonly shipment: Shipment
  readonly arrival: Arrival
  readonly held: Held | undefined
  readonly document?: { readonly digest: Digest; readonly size: number }
  readonly refused?: ReadonlySet<string>
}

async function merge(context: Context, storing: Storing & { held: Held }): Promise<Imported> {
  const { held, arrival, pack } = storing
  const old = await openHeld(context, held.stored, pack.name)
  if (!old) return store(context, storing)
  const { merged, refused } = mergeDocuments(old, arrival.document)
  const wanted = [...arrival.prints.keys()].filter((version) => !refused.has(version))
  const isNew = wanted.some((version) => !old.hasVersion(version))
  if (!isNew && (await areStored(context, held.row.id, wanted))) return { kind: 'unchanged', name: pack.name }
  const { document: digest, size } = held.stored
  const document = isNew ? await context.storage.blobs.ingestText(JSON.stringify(merged)) : { digest, size }
  return store(context, { ...storing, document, refused })
}

async function areStored(context: Context, packageId: string, versions: readonly string[]): Promise<boolean> {
  const rows = await Promise.all(
    versions.map((version) => findVersion(context.storage.sql.read, packageId, version)),
  )
  return rows.every((row) => row?.tarball)
}

async function store(context: Context, storing: Storing): Promise<Imported> {
  const { pack, arrival, refused = new Set<string>() } = storing
  const now = context.clock.now()
  await context.storage.sql.transaction((tx) => write(tx, storing, now))
  const versions = [...arrival.prints.keys()].filter((version) => !refused.has(version)).length
  return { kind: 'imported', name: pack.name, versions, refused: [...refused] }
}

async function write(tx: Tx, storing: Storing, now: Millis): Promise<void> {
  const { pack, shipment, arrival, held, document = pack.document, refused } = storing
  const known = await findPackage(tx, '', pack.name)
  const stored = known && (await findUpstreamDocument(tx, known.id))
  if (known?.source === 'local' || stored?.document !== held?.stored.document)
    fail('CONFLICT', { why: `"${pack.name}" was changed meanwhile. Import the bundle again.` })
  const row = known ? await bumpPackage(tx, known.id, now) : mirroredPackage(pack.name, now)
  if (!known) await insertPackage(tx, row)
  const isKept = stored && document.digest === stored.document
  if (!isKept)
    await upsertUpstreamDocument(tx, {
      package_id: row.id,
      upstream: `bundle of ${shipment.from}`,
      document: document.digest,
      encoding: 'identity',
      size: document.size,
      etag: null,
      last_modified: null,
      fetched_at: now,
      checked_at: shipment.created,
    })
  for (const [version, { digest: tarball, sha1, size }] of arrival.prints) {
    if (refused?.has(version)) continue
    const blank = mirroredVersion(row.id, version, arrival.document.publishedAt(version) ?? shipment.created)
    await upsertMirroredVersion(tx, { ...blank, tarball, sha1, size })
    await upsertUses(tx, [{ package_id: row.id, version, used_at: now }])
  }
  await appendChange(tx, row.id, { at: now, kind: 'refresh', detail: { bundle: shipment.from } })
}

/** The document we hold; undefined when its bytes are lost. */
async function openHeld(
  context: Context,
  stored: UpstreamDocumentRow,
  what: string,
): Promise<UpstreamDocument | undefined> {
  return open(context, stored, what).catch((error: unknown) => {
    if (isFault(error, 'NOT_FOUND')) return undefined
    throw error
  })
}

async function open(
  context: Context,
  { document, encoding }: Pick<UpstreamDocumentRow, 'document' | 'encoding'>,
  what: string,
): Promise<UpstreamDocument> {
  const packed = await context.storage.blobs.open(document)
  try {
    return new UpstreamDocument(await unpackDocument(packed, { encoding, what }))
  } catch (error) {
    if (error instanceof SyntaxError) return broken(`the document of "${what}" is no JSON`)
    throw error
  }
}
