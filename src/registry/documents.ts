import { fail } from '../base/fault.ts'
import { specOf } from '../base/name.ts'
import { iso } from '../base/time.ts'
import type { VersionRow } from '../storage/sql/database.ts'
import { listAccountsWith } from '../storage/tables/rights.ts'
import { listVersions } from '../storage/tables/versions.ts'
import type { Context } from './context.ts'
import type { Mirror } from './mirror.ts'
import type { JsonObject, PackageDoc, PackageHead, VersionText } from './model.ts'
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
    const [rows, tags, vouchers] = await Promise.all([
      listVersions(read, head.id),
      currentTags(read, head.id),
      listVouchers(read, head),
    ])
    const offered = rows.filter((row) => row.removed_at === null && row.yanked_at === null)
    if (offered.length === 0) fail('PACKAGE_NOT_FOUND', { spec: specOf(head.name, this.#context.host()) })
    const latest = offered.find(({ version }) => version === tags.latest) ?? offered[0]
    return {
      head,
      tags,
      time: timesOf(head, rows),
      root: await this.#root(head, latest),
      versions: offered.values().map((row) => textOf(row, vouchers.get(row.version))),
      withheld: NOTHING_WITHHELD,
    }
  }

  /** The dist-tags, also of a package without versions. */
  async tags(head: PackageHead): Promise<Readonly<Record<string, string>>> {
    if (isUpstreams(head)) return (await this.#mirror.document(head)).tags
    return currentTags(this.#context.storage.sql.read, head.id)
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

function timesOf(head: PackageHead, rows: readonly VersionRow[]): Record<string, string> {
  const versions = rows.map((row) => [row.version, iso(row.published_at)])
  return { created: iso(head.createdAt), modified: iso(head.modifiedAt), ...Object.fromEntries(versions) }
}

function textOf(row: VersionRow, vouchers: JsonObject | undefined): VersionText {
  const dist = {
    integrity: row.tarball,
    shasum: row.sha1,
    fileCount: row.file_count,
    unpackedSize: row.unpacked_size,
    ...vouchers,
  }
  return {
    version: row.version,
    full: row.manifest ?? '{}',
    short: row.short ?? '{}',
    dist: JSON.stringify(dist),
    deprecated: row.deprecated ?? undefined,
  }
}
