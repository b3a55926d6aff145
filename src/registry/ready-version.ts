import type { Digest } from '../base/digest.ts'
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

/** A version of our own, all of it stored but its row; its package is still to be named. */
export type ReadyVersion = {
  readonly row: VersionRow
  /** Its files and its README, plain and rendered. */
  readonly files: readonly Digest[]
}

/** Stores a version's file tree and Entropic manifest. */
export async function readyVersion(
  context: Context,
  store: ContentStore,
  given: Given,
): Promise<ReadyVersion> {
  const { made } = given
  const maps = given.dependencies ?? (await canonicalDependencies(context, made.manifest))
  const [tree, entropic] = await Promise.all([
    store.keepTree(made.files),
    context.storage.blobs.ingestText(entropicManifest(made.files, maps)),
  ])
  const readmes = [made.readme, made.readmeHtml].filter((digest) => digest !== undefined)
  const files = [...made.files.map(({ digest }) => digest), ...readmes]
  return { row: rowOf(given, { tree, integrity: entropic.digest }), files }
}

function rowOf(
  { version, made, publishedAt, publisher }: Given,
  { tree, integrity }: { tree: Digest; integrity: Digest },
): VersionRow {
  return {
    package_id: '',
    version,
    manifest: JSON.stringify(made.manifest),
    short: JSON.stringify(abbreviate(made.manifest)),
    tarball: made.tarball.digest,
    sha1: made.tarball.sha1,
    size: made.tarball.size,
    tree,
    integrity,
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
