import { fail } from '../base/fault.ts'
import { specOf } from '../base/name.ts'
import { iso } from '../base/time.ts'
import type { VersionRow } from '../storage/sql/database.ts'
import { listAccountsWith } from '../storage/tables/rights.ts'
import {
  findVersion,
  listShortVersions,
  listVersionHeads,
  listVersions,
  type VersionSummary,
} from '../storage/tables/versions.ts'
import type { Context } from './context.ts'
import type { Mirror } from './mirror.ts'
import type { JsonObject, PackageDoc, PackageFace, PackageHead, ShortDoc, ShortText } from './model.ts'
import { currentTags } from './package-tags.ts'
import { listVouchers } from './vouchers.ts'

/** Fields that the full packument's root repeats from the latest version, as npm does. */
const FROM_LATEST = [
  'description',
  'homepage',
  'keywords',
  'repository',
  'author',
  'bugs',
  'license',
  'contributors',
] as const
/** Policy is about what is mirrored. */
const NOTHING_WITHHELD: PackageDoc['withheld'] = new Map()

/** Loads the aggregate that packuments are rendered from. */
export class Documents {
  readonly #context: Context
  readonly #mirror: Mirror

  constructor(context: Context, mirror: Mirror) {
    this.#context = context
    this.#mirror = mirror
  }

  /** PACKAGE_NOT_FOUND when nothing is published under the name (any more). */
  async load(head: PackageHead): Promise<PackageDoc> {
    if (isUpstreams(head)) return this.#mirror.document(head)
    const { read } = this.#context.storage.sql
    const [{ offered, latest, ...rest }, vouchers] = await Promise.all([
      this.#offered(head, listVersions(read, head.id)),
      listVouchers(read, head),
    ])
    const root = await this.#root(head, latest)
    const versions = offered
      .values()
      .map((row) => ({ ...shortTextOf(row, vouchers.get(row.version)), full: row.manifest ?? '{}' }))
    return { ...rest, root, versions, withheld: NOTHING_WITHHELD }
  }

  /** As load, as much as the abbreviated form needs. */
  async loadShort(head: PackageHead): Promise<ShortDoc> {
    if (isUpstreams(head)) return this.#mirror.document(head)
    const { read } = this.#context.storage.sql
    const [{ offered, latest: _, ...rest }, vouchers] = await Promise.all([
      this.#offered(head, listShortVersions(read, head.id)),
      listVouchers(read, head),
    ])
    const versions = offered.values().map((row) => shortTextOf(row, vouchers.get(row.version)))
    return { ...rest, versions, withheld: NOTHING_WITHHELD }
  }

  /** As load, without the versions. */
  async face(head: PackageHead): Promise<PackageFace> {
    if (isUpstreams(head)) return this.#mirror.document(head)
    const { read } = this.#context.storage.sql
    const { latest, tags, time } = await this.#offered(head, listVersionHeads(read, head.id))
    const row = await findVersion(read, head.id, latest.version)
    return { head, tags, time, root: await this.#root(head, row) }
  }

  /** The dist-tags, also of a package without versions. */
  async tags(head: PackageHead): Promise<Readonly<Record<string, string>>> {
    if (isUpstreams(head)) return (await this.#mirror.document(head)).tags
    return currentTags(this.#context.storage.sql.read, head.id)
  }

  /** The versions among `listed` that may be resolved to, the latest, and what is said of all. */
  async #offered<R extends VersionSummary>(head: PackageHead, listed: Promise<R[]>) {
    const [rows, tags] = await Promise.all([listed, currentTags(this.#context.storage.sql.read, head.id)])
    const offered = rows.filter((row) => row.removed_at === null && row.yanked_at === null)
    const latest = offered.find(({ version }) => version === tags.latest) ?? offered[0]
    if (!latest) return fail('PACKAGE_NOT_FOUND', { spec: specOf(head.name, this.#context.host()) })
    return { head, offered, latest, tags, time: timesOf(head, rows) }
  }

  async #root(head: PackageHead, latest: VersionRow | undefined): Promise<JsonObject> {
    const { sql, blobs } = this.#context.storage
    const maintainers = await listAccountsWith(sql.read, head.id, 'manage')
    const readme = latest?.readme ? (await blobs.read(latest.readme)).toString() : ''
    // We wrote the manifest ourselves: an object.
    const manifest = JSON.parse(latest?.manifest ?? '{}') as JsonObject
    const copied = Object.fromEntries(
      FROM_LATEST.flatMap((key) => (manifest[key] === undefined ? [] : [[key, manifest[key]]])),
    )
    // Everybody may read this: addresses are for those who are logged in.
    return { ...copied, maintainers: maintainers.map(({ name }) => ({ name, email: '' })), readme }
  }
}

function isUpstreams(head: PackageHead): boolean {
  return head.source === 'mirror' && head.name.host === ''
}

function timesOf(head: PackageHead, rows: readonly VersionSummary[]): Record<string, string> {
  const versions = rows.map((row) => [row.version, iso(row.published_at)])
  return { created: iso(head.createdAt), modified: iso(head.modifiedAt), ...Object.fromEntries(versions) }
}

function shortTextOf(
  row: VersionSummary & Pick<VersionRow, 'short'>,
  vouchers: JsonObject | undefined,
): ShortText {
  const dist = {
    integrity: row.tarball,
    shasum: row.sha1,
    fileCount: row.file_count,
    unpackedSize: row.unpacked_size,
    ...vouchers,
  }
  return {
    version: row.version,
    short: row.short ?? '{}',
    dist: JSON.stringify(dist),
    deprecated: row.deprecated ?? undefined,
  }
}
