import { contradicts } from '../mirror/pins.ts'
import type { Json, JsonObject, PackageDoc } from '../model.ts'
import { newestOf } from '../tags.ts'
import { distOf, type UpstreamDocument } from '../upstream-document.ts'

/** A packument with nothing but these versions, for clients to resolve within them. The tarballs' addresses are left to whoever serves them. */
export function cutDocument(doc: PackageDoc, versions: ReadonlySet<string>): JsonObject {
  const kept: JsonObject = {}
  for (const text of doc.versions) {
    const { version, deprecated } = text
    if (!versions.has(version)) continue
    const manifest = { ...JSON.parse(text.full), dist: JSON.parse(text.dist) }
    kept[version] = deprecated === undefined ? manifest : { ...manifest, deprecated }
  }
  const tags = Object.entries(doc.tags).filter(([, version]) => Object.hasOwn(kept, version))
  const newest = newestOf(Object.keys(kept))
  const times = Object.entries(doc.time).filter(([key]) => /^(created|modified)$/.test(key) || key in kept)
  return {
    ...doc.root,
    _id: doc.head.npmName,
    name: doc.head.npmName,
    'dist-tags': { ...(newest !== undefined && { latest: newest }), ...Object.fromEntries(tags) },
    time: Object.fromEntries(times),
    versions: kept,
  }
}

/** What two documents say together, and the versions of which they tell different contents: there the old word stands. */
export function mergeDocuments(
  old: UpstreamDocument,
  arrived: UpstreamDocument,
): { merged: JsonObject; refused: ReadonlySet<string> } {
  const refused = new Set<string>()
  const versions: JsonObject = Object.fromEntries([...old.versions].map((it) => [it, old.manifest(it)]))
  for (const version of arrived.versions) {
    const before = old.manifest(version)
    const after = arrived.manifest(version)
    if (before && after && contradicts(distOf(after), distOf(before))) refused.add(version)
    else versions[version] ??= after
  }
  const both = (name: string) => ({ ...arrived.objectMember(name), ...old.objectMember(name) })
  const members = [...old.members].map((name): [string, Json | undefined] => [name, old.member(name)])
  const tags = { ...old.objectMember('dist-tags'), ...arrived.objectMember('dist-tags') }
  return {
    merged: { ...Object.fromEntries(members), versions, time: both('time'), 'dist-tags': tags },
    refused,
  }
}
