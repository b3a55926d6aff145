import { Fault, fail, isFault } from '../../base/fault.ts'
import type { Log } from '../../base/log.ts'
import { type Clock, type Millis, minutes } from '../../base/time.ts'
import { Conflict, type PackageRow, type Tx, type UpstreamDocumentRow } from '../../storage/sql/database.ts'
import type { Storage } from '../../storage/storage.ts'
import { appendChange, bumpPackage, findPackage, insertPackage } from '../../storage/tables/packages.ts'
import {
  listPinnedVersions,
  markWithdrawn,
  touchUpstreamDocument,
  type UpstreamCheck,
  upsertUpstreamDocument,
} from '../../storage/tables/upstream.ts'
import { listVersionHeads, upsertMirroredVersion } from '../../storage/tables/versions.ts'
import type { Metrics } from '../metrics.ts'
import type { JsonObject } from '../model.ts'
import type { DocumentAnswer, Upstream, Validators } from '../upstream.ts'
import { UpstreamDocument, unpackDocument } from '../upstream-document.ts'
import type { StoredDocuments } from './documents.ts'
import { changedContent } from './pins.ts'
import { mirroredPackage, mirroredVersion } from './rows.ts'

type Fresh = Extract<DocumentAnswer, { kind: 'fresh' }>
/** A copy we hold. */
type Held = { readonly row: PackageRow; readonly stored: UpstreamDocumentRow }
/** A document that came, looked through; storing it is all that is left. */
type Arrival = {
  readonly npmName: string
  readonly stored: Omit<UpstreamDocumentRow, 'package_id'>
  readonly pins: ReadonlyMap<string, JsonObject>
  readonly document: UpstreamDocument
}

/** How long upstream's "no such package" is believed: short, since a package just published must appear. */
const ABSENCE = minutes(1)

/** Most documents are smaller, packed. */
const HELD = 64 * 1024

/** Asks upstream for documents and keeps what comes. When to ask is the mirror's policy. */
export class Refresher {
  readonly #storage: Storage
  readonly #upstream: Upstream
  readonly #clock: Clock
  readonly #log: Log
  readonly #metrics: Metrics
  readonly #documents: StoredDocuments

  constructor(parts: {
    storage: Storage
    upstream: Upstream
    clock: Clock
    log: Log
    metrics: Metrics
    documents: StoredDocuments
  }) {
    this.#storage = parts.storage
    this.#upstream = parts.upstream
    this.#clock = parts.clock
    this.#log = parts.log
    this.#metrics = parts.metrics
    this.#documents = parts.documents
  }

  /**
   * Asks whether our copy is current and replaces it if not; resolves to the package as it stands then. A copy stays when upstream does not know the
   * package any more. PACKAGE_NOT_FOUND, UPSTREAM_….
   */
  async ask(npmName: string, signal: AbortSignal): Promise<PackageRow> {
    const held = await this.#held(npmName)
    const absent = held ? undefined : await this.#storage.kv.get(absenceKey(npmName))
    if (absent) fail('PACKAGE_NOT_FOUND', { spec: npmName, why: absent.toString() })
    const upstream = this.#upstream.for(npmName)
    const validators = await this.#validators(held, upstream)
    const answer = await this.#metrics.asking({ what: 'document', upstream: upstream.url }, () =>
      upstream.document(npmName, validators, signal),
    )
    if (answer.kind === 'fresh') return this.#take(npmName, answer, held)
    if (answer.kind === 'absent') return this.#absent(npmName, answer.why, held)
    if (!held) return invalid(npmName, 'it answered 304 to one who holds nothing')
    return this.#touch(held, {})
  }

  async #held(npmName: string): Promise<Held | undefined> {
    const { read } = this.#storage.sql
    const row = await findPackage(read, '', npmName)
    if (row?.source === 'local') return ours(npmName)
    const stored = row && (await this.#documents.row(row.id))
    return stored && { row, stored }
  }

  /** None when the copy came from another upstream or its bytes are lost: then it has to come anew. */
  async #validators(held: Held | undefined, upstream: Upstream): Promise<Validators> {
    const none = { etag: undefined, lastModified: undefined }
    if (held?.stored.upstream !== upstream.url) return none
    if (!(await this.#storage.blobs.stat(held.stored.document))) return none
    return { etag: held.stored.etag ?? undefined, lastModified: held.stored.last_modified ?? undefined }
  }

  /** Nothing of it enters the store before it has been looked through. */
  async #take(npmName: string, fresh: Fresh, held: Held | undefined): Promise<PackageRow> {
    await using spool = await this.#storage.blobs.spool(HELD)
    for await (const chunk of fresh.body) await spool.write(chunk)
    const text = await unpackDocument(spool.content(), { encoding: fresh.encoding, what: npmName })
    const before = held && (await this.#open(held.stored))
    const { document, pins } = await readDocument(npmName, text, before)
    const gone = goneBecause(document)
    if (gone !== undefined) return await this.#absent(npmName, gone, held)
    const validators = { etag: fresh.etag ?? null, last_modified: fresh.lastModified ?? null }
    const origin = { upstream: this.#upstream.for(npmName).url, ...validators }
    if (held && before?.equals(document)) return await this.#touch(held, origin)
    const { digest, size } = await spool.finish({}, 'soon')
    const now = this.#clock.now()
    const times = { fetched_at: now, checked_at: now }
    const stored = { ...origin, document: digest, encoding: fresh.encoding, size, ...times }
    this.#documents.keep(digest, document)
    return await this.#store({ npmName, stored, pins, document })
  }

  async #absent(npmName: string, why: string, held: Held | undefined): Promise<PackageRow> {
    if (held) {
      this.#log.warn({ name: npmName, why }, 'upstream offers a package no longer: the stored copy stays')
      return this.#touch(held, {})
    }
    const says = `the upstream registry says that ${why}`
    await this.#storage.kv.set(absenceKey(npmName), says, ABSENCE)
    return fail('PACKAGE_NOT_FOUND', { spec: npmName, why: says })
  }

  async #touch({ row }: Held, news: Omit<UpstreamCheck, 'checked_at'>): Promise<PackageRow> {
    const check = { ...news, checked_at: this.#clock.now() }
    await this.#storage.sql.relaxed((tx) => touchUpstreamDocument(tx, row.id, check))
    return row
  }

  async #store(arrival: Arrival): Promise<PackageRow> {
    const { sql } = this.#storage
    const work = (tx: Tx) => writeArrival(tx, arrival)
    // A conflict: another process of ours just met the same new name. The second time it is found.
    const { row, refused, withdrawn } = await sql.relaxed(work).catch((error) => {
      if (error instanceof Conflict) return sql.relaxed(work)
      throw error
    })
    for (const version of refused) {
      const fields = { name: arrival.npmName, version }
      this.#log.error(fields, 'upstream changed the content of a published version: refused, ours stays')
    }
    for (const version of withdrawn) {
      const fields = { name: arrival.npmName, version }
      this.#log.warn(fields, 'upstream withdrew a version: it is not handed out any more, and kept aside')
    }
    return row
  }

  /** The copy we hold; undefined when its bytes are lost. */
  async #open(stored: UpstreamDocumentRow): Promise<UpstreamDocument | undefined> {
    try {
      return await this.#documents.open(stored)
    } catch (error) {
      if (isFault(error, 'NOT_FOUND')) return undefined
      throw error
    }
  }
}

async function writeArrival(
  tx: Tx,
  { npmName, stored, pins, document }: Arrival,
): Promise<{ row: PackageRow; refused: string[]; withdrawn: string[] }> {
  const now = stored.checked_at
  const known = await findPackage(tx, '', npmName)
  const row = known ? await bumpPackage(tx, known.id, now) : mirroredPackage(npmName, now)
  if (row.source === 'local') return ours(npmName)
  if (!known) await insertPackage(tx, row)
  await upsertUpstreamDocument(tx, { package_id: row.id, ...stored })
  // A package that begins with this has no versions to compare.
  const refused = known ? await pinNew(tx, row.id, { pins, document, now }) : []
  const withdrawn = known ? await followWithdrawals(tx, row.id, { document, now }) : []
  const detail = { document: stored.document, ...(withdrawn.length > 0 && { withdrawn }) }
  await appendChange(tx, row.id, { at: now, kind: 'refresh', detail })
  return { row, refused, withdrawn }
}

/** Keeps what was said first of versions whose content is suddenly said to be another; tells those it was not kept of before. */
async function pinNew(
  tx: Tx,
  packageId: string,
  { pins, document, now }: Pick<Arrival, 'pins' | 'document'> & { now: Millis },
): Promise<string[]> {
  const pinned = new Set((await listPinnedVersions(tx, packageId)).map(({ version }) => version))
  const refused = [...pins.keys()].filter((version) => !pinned.has(version))
  for (const version of refused) {
    const blank = mirroredVersion(packageId, version, document.publishedAt(version) ?? now)
    await upsertMirroredVersion(tx, { ...blank, manifest: JSON.stringify(pins.get(version)) })
  }
  return refused
}

/** A version that upstream took down is not handed out here either; its content is kept aside, for whoever has to look into it. */
async function followWithdrawals(
  tx: Tx,
  packageId: string,
  { document, now }: { document: UpstreamDocument; now: Millis },
): Promise<string[]> {
  const known = await listVersionHeads(tx, packageId)
  const isOffered = (version: string) => document.hasVersion(version)
  const namesOf = (rows: typeof known) => rows.map(({ version }) => version)
  const gone = namesOf(known.filter((row) => row.removed_at === null && !isOffered(row.version)))
  const back = namesOf(known.filter((row) => row.removed_at !== null && isOffered(row.version)))
  await markWithdrawn(tx, packageId, { versions: gone, at: now })
  await markWithdrawn(tx, packageId, { versions: back, at: null })
  return gone
}

/** UPSTREAM_INVALID for what is no packument of this package. */
async function readDocument(npmName: string, text: Buffer, before: UpstreamDocument | undefined) {
  try {
    const document = new UpstreamDocument(text)
    const name = document.member('name') ?? document.member('_id')
    if (name !== npmName) invalid(npmName, `it is about ${JSON.stringify(name ?? null).slice(0, 100)}`)
    return { document, pins: await changedContent(document, before) }
  } catch (error) {
    if (!(error instanceof SyntaxError)) throw error
    throw new Fault(
      'UPSTREAM_INVALID',
      { what: npmName, why: 'it is not the JSON of a package' },
      { cause: error },
    )
  }
}

/** What was unpublished upstream is still answered 200 there, without versions. */
function goneBecause(document: UpstreamDocument): string | undefined {
  return document.versions[Symbol.iterator]().next().done
    ? 'the package has no versions (any more)'
    : undefined
}

/** A name of ours never goes upstream and is never overwritten from there. */
function ours(npmName: string): never {
  return fail('PACKAGE_NOT_FOUND', { spec: npmName })
}

function invalid(what: string, why: string): never {
  return fail('UPSTREAM_INVALID', { what, why })
}

const absenceKey = (npmName: string) => `upstream:absent:${npmName}`
