import type { Millis } from '../base/time.ts'
import type { VersionRow } from '../storage/sql/database.ts'
import { abbreviate } from './abbreviated.ts'
import type { ContentStore } from './content.ts'
import type { Context } from './context.ts'
import { entropicManifest } from './entropic-manifest.ts'
import type { DependencyMaps } from './model.ts'
import type { Made } from './publish-content.ts'
import { canonicalDependencies } from './publish-dependencies.ts'

type Given = {
  readonly version: string
  readonly made: Made
  /** In canonical names, where they are known better than the npm manifest can say. */
  readonly dependencies?: DependencyMaps | undefined
  readonly publishedAt: Millis
  /** The account's id. */
  readonly publisher: string
}

/** The row of a version of our own, its file tree and Entropic manifest stored; its package is still to be named. */
export async function versionRow(context: Context, store: ContentStore, given: Given): Promise<VersionRow> {
  const { version, made, publishedAt, publisher } = given
  const maps = given.dependencies ?? (await canonicalDependencies(context, made.manifest))
  const [tree, entropic] = await Promise.all([
    store.keepTree(made.files),
    context.storage.blobs.ingestText(entropicManifest(made.files, maps)),
  ])
  return {
    package_id: '',
    version,
    manifest: JSON.stringify(made.manifest),
    short: JSON.stringify(abbreviate(made.manifest)),
    tarball: made.tarball.digest,
    sha1: made.tarball.sha1,
    size: made.tarball.size,
    tree,
    integrity: entropic.digest,
    file_count: made.files.length,
    unpacked_size: made.unpackedSize,
    readme: made.readme ?? null,
    readme_html: made.readmeHtml ?? null,
    contained: null,
    published_at: publishedAt,
    publisher,
    deprecated: null,
    yanked_at: null,
    removed_at: null,
  }
}
