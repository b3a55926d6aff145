import { LEGACY } from '../../base/name.ts'
import type { Millis } from '../../base/time.ts'
import type { PackageRow, VersionRow } from '../../storage/sql/database.ts'
import { newPackage } from '../../storage/tables/packages.ts'

/** A mirrored version of which nothing is stored yet. */
export function mirroredVersion(packageId: string, version: string, publishedAt: Millis): VersionRow {
  return {
    package_id: packageId,
    version,
    manifest: null,
    short: null,
    tarball: null,
    sha1: null,
    size: null,
    tree: null,
    integrity: null,
    file_count: null,
    unpacked_size: null,
    readme: null,
    readme_html: null,
    contained: null,
    published_at: publishedAt,
    publisher: null,
    deprecated: null,
    yanked_at: null,
    removed_at: null,
  }
}

/** A package met for the first time. */
export function mirroredPackage(npmName: string, now: Millis): PackageRow {
  return newPackage({ namespace: LEGACY, host: '', name: npmName }, 'mirror', now)
}
