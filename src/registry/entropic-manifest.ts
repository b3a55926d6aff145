import type { Digest } from '../base/digest.ts'
import { LEGACY, type PackageName, splitNpmName } from '../base/name.ts'
import type {
  DependencyField,
  DependencyMap,
  DependencyMaps,
  FileTree,
  JsonObject,
  Manifest,
} from './model.ts'

/** What a version is in the Entropic API: an object whose hash is the version's integrity. */
export type EntropicManifest = {
  readonly files: Readonly<Record<string, Digest>>
  readonly dependencies: DependencyMap
  readonly devDependencies: DependencyMap
  readonly peerDependencies: DependencyMap
  readonly optionalDependencies: DependencyMap
  readonly bundledDependencies: Readonly<Record<string, never>>
  readonly signatures: Readonly<Record<string, never>>
}

/**
 * The canonical bytes of a manifest: compact JSON, fixed top-level order, inner keys shortest first and then bytewise, which is how
 * the original's database ordered them. Equal content has equal bytes, hence one integrity.
 */
export function entropicManifest(files: FileTree, maps: DependencyMaps): string {
  const manifest: EntropicManifest = {
    files: canonicalOrder(Object.fromEntries(files.map((file) => [`./package/${file.path}`, file.digest]))),
    dependencies: canonicalOrder(maps.dependencies),
    devDependencies: canonicalOrder(maps.devDependencies),
    peerDependencies: canonicalOrder(maps.peerDependencies),
    optionalDependencies: canonicalOrder(maps.optionalDependencies),
    bundledDependencies: {},
    signatures: {},
  }
  return JSON.stringify(manifest)
}

/** Keys by length, then bytewise. */
export function canonicalOrder<T>(map: Readonly<Record<string, T>>): Record<string, T> {
  const keys = Object.keys(map).map((key) => ({ key, bytes: Buffer.from(key) }))
  keys.sort((a, b) => a.bytes.length - b.bytes.length || Buffer.compare(a.bytes, b.bytes))
  // A null prototype keeps a file or dependency called `__proto__` an ordinary key.
  const ordered: Record<string, T> = Object.create(null)
  for (const { key } of keys) ordered[key] = map[key] as T // the key came from this very map
  return ordered
}

/** An npm manifest's dependency maps with the names as `spell` writes them; anything that is not name → text is left out. */
export function dependencyMaps(manifest: Manifest, spell: (npmName: string) => string): DependencyMaps {
  const respell = (field: DependencyField) =>
    Object.fromEntries(npmDependencies(manifest, field).map(([name, range]) => [spell(name), range]))
  return {
    dependencies: respell('dependencies'),
    devDependencies: respell('devDependencies'),
    peerDependencies: respell('peerDependencies'),
    optionalDependencies: respell('optionalDependencies'),
  }
}

export function npmDependencies(manifest: JsonObject, field: DependencyField): [string, string][] {
  const map = manifest[field]
  if (typeof map !== 'object' || map === null || Array.isArray(map)) return []
  return Object.entries(map).filter((entry): entry is [string, string] => typeof entry[1] === 'string')
}

/** The package an npm dependency name means here, given which scopes are namespaces of ours. */
export function dependencyTarget(npmName: string, claimed: ReadonlySet<string>): PackageName {
  const { scope, bare } = splitNpmName(npmName)
  if (scope !== undefined && claimed.has(scope)) return { namespace: scope, host: '', name: bare }
  return { namespace: LEGACY, host: '', name: npmName }
}
