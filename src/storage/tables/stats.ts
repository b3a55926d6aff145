import type { Millis } from '../../base/time.ts'
import type { PackageRow, Reader } from '../sql/database.ts'

type Source = PackageRow['source']

export type SourceCounts = {
  readonly source: Source
  readonly packages: number
}

/** Stored tarballs: `bytes` as often as versions have them, `distinctBytes` as they lie on the disk. */
export type TarballCounts = {
  readonly source: Source
  readonly versions: number
  readonly bytes: number
  readonly distinctBytes: number
}

export type MirroredRow = {
  readonly npm_name: string
  readonly tarballs: number
  readonly bytes: number
  readonly checked_at: Millis | null
}

export async function countAccounts(db: Reader): Promise<{ accounts: number; namespaces: number }> {
  const count = async (table: 'account' | 'namespace') => {
    const row = await db
      .selectFrom(table)
      .select((is) => is.fn.countAll().as('count'))
      .executeTakeFirst()
    return Number(row?.count ?? 0)
  }
  const [accounts, namespaces] = await Promise.all([count('account'), count('namespace')])
  return { accounts, namespaces }
}

export async function countPackages(db: Reader): Promise<SourceCounts[]> {
  const rows = await db
    .selectFrom('package')
    .select((is) => ['source', is.fn.countAll().as('packages')])
    .where('removed_at', 'is', null)
    .groupBy('source')
    .execute()
  return rows.map(({ source, packages }) => ({ source, packages: Number(packages) }))
}

export async function countTarballs(db: Reader): Promise<TarballCounts[]> {
  const tarballs = db
    .selectFrom('version')
    .innerJoin('package', 'package.id', 'version.package_id')
    .select(({ fn }) => [
      'package.source',
      'version.tarball',
      fn.countAll().as('versions'),
      fn.sum('version.size').as('bytes'),
      fn.max('version.size').as('size'),
    ])
    .where('version.tarball', 'is not', null)
    .groupBy(['package.source', 'version.tarball'])
  const rows = await db
    .selectFrom(tarballs.as('tarballs'))
    .select(({ fn }) => [
      'source',
      fn.sum('versions').as('versions'),
      fn.sum('bytes').as('bytes'),
      fn.sum('size').as('distinct_bytes'),
    ])
    .groupBy('source')
    .execute()
  return rows.map((row) => ({
    source: row.source,
    versions: Number(row.versions),
    bytes: Number(row.bytes),
    distinctBytes: Number(row.distinct_bytes),
  }))
}

export async function countDocuments(db: Reader): Promise<{ documents: number; bytes: number }> {
  const row = await db
    .selectFrom('upstream_document')
    .select(({ fn }) => [fn.countAll().as('documents'), fn.sum('size').as('bytes')])
    .executeTakeFirst()
  return { documents: Number(row?.documents ?? 0), bytes: Number(row?.bytes ?? 0) }
}

/** Mirrored packages, those whose tarballs take most room first. */
export async function listMirrored(
  db: Reader,
  { limit, offset }: { limit: number; offset: number },
): Promise<MirroredRow[]> {
  const rows = await db
    .selectFrom('package')
    .leftJoin('upstream_document', 'upstream_document.package_id', 'package.id')
    .leftJoin('version', (on) =>
      on.onRef('version.package_id', '=', 'package.id').on('version.tarball', 'is not', null),
    )
    .select(({ fn, val }) => [
      'package.npm_name',
      'upstream_document.checked_at',
      fn.count('version.version').as('tarballs'),
      fn.coalesce(fn.sum<number>('version.size'), val(0)).as('bytes'),
    ])
    .where('package.source', '=', 'mirror')
    .where('package.removed_at', 'is', null)
    .groupBy(['package.npm_name', 'upstream_document.checked_at'])
    .orderBy('bytes', 'desc')
    .orderBy('package.npm_name')
    .limit(limit)
    .offset(offset)
    .execute()
  return rows.map((row) => ({ ...row, tarballs: Number(row.tarballs), bytes: Number(row.bytes) }))
}

/** A version that its upstream withdrew. */
export type WithdrawnRow = {
  readonly npm_name: string
  readonly version: string
  readonly removed_at: Millis
}

/** Those noticed last first. */
export async function listWithdrawn(db: Reader, limit: number): Promise<WithdrawnRow[]> {
  const rows = await db
    .selectFrom('version')
    .innerJoin('package', 'package.id', 'version.package_id')
    .select(['package.npm_name', 'version.version', 'version.removed_at'])
    .where('package.source', '=', 'mirror')
    .where('package.host', '=', '')
    .where('version.removed_at', 'is not', null)
    .orderBy('version.removed_at', 'desc')
    .orderBy('package.npm_name')
    .limit(limit)
    .execute()
  return rows.map((row) => ({ ...row, removed_at: row.removed_at ?? 0 }))
}
