import { canonicalOf } from '../../base/name.ts'
import { iso } from '../../base/time.ts'
import { canonicalOrder } from '../../registry/entropic-manifest.ts'
import type { PackageHead, VersionHead } from '../../registry/model.ts'
import type { Registry } from '../../registry/registry.ts'

/** What is known of the versions of a package, without fetching any. */
export async function packageDocument(registry: Registry, head: PackageHead): Promise<object> {
  return documentOf(registry, head, await registry.contents.versions(head))
}

/** As packageDocument; of a mirrored package, versions that clients are likely to want are fetched. */
export async function packageDocumentWhole(registry: Registry, head: PackageHead): Promise<object> {
  return documentOf(registry, head, await registry.contents.likelyVersions(head))
}

async function documentOf(
  registry: Registry,
  head: PackageHead,
  versions: readonly VersionHead[],
): Promise<object> {
  const shown = versions.filter((version) => isShown(head, version))
  return {
    name: canonicalOf(head.name, registry.host()),
    yanked: head.yankedAt !== undefined,
    created: iso(head.createdAt),
    modified: iso(head.modifiedAt),
    require_tfa: head.requireTfa,
    versions: canonicalOrder(Object.fromEntries(shown.map(({ version, integrity }) => [version, integrity]))),
    tags: canonicalOrder(await registry.documents.tags(head)),
  }
}

/** A yanked version is not offered, but for those that were yanked with their package: its map stays as it was. */
function isShown(head: PackageHead, { tree, yankedAt }: VersionHead): boolean {
  return tree !== undefined && (yankedAt === undefined || yankedAt === head.yankedAt)
}

export async function versionDocument(
  registry: Registry,
  head: PackageHead,
  version: string,
): Promise<object> {
  const found = await registry.contents.version(head, version)
  const { files, signatures, ...dependencies } = await registry.contents.manifest(found)
  return {
    files,
    derivedFiles: found.readmeHtml === undefined ? {} : { './readme.html': found.readmeHtml },
    ...dependencies,
    created: iso(found.publishedAt),
    modified: iso(found.yankedAt ?? found.publishedAt),
    signatures,
    ...(found.yankedAt === undefined ? {} : { yanked: true }),
  }
}
