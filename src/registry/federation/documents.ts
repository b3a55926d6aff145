import { type Digest, isDigest } from '../../base/digest.ts'
import { Fault } from '../../base/fault.ts'
import type { PackageName } from '../../base/name.ts'
import type { EntropicManifest } from '../entropic-manifest.ts'
import { DEPENDENCY_FIELDS, type DependencyMap, type Json, type JsonObject } from '../model.ts'
import { checkCollisions, parsePath } from '../paths.ts'

/** What another registry says of a package, as far as we believe it. */
export type PeerPackage = {
  readonly yanked: boolean
  readonly versions: ReadonlyMap<string, Digest>
  readonly tags: ReadonlyMap<string, string>
}

/** Reads a package document of another registry. UPSTREAM_INVALID. */
export function parsePeerPackage(text: string, what: string): PeerPackage {
  const document = objectIn(text, what)
  const versions = Object.entries(textsOf(document.versions)).map(
    ([version, integrity]) => [version, digestOf(integrity, what)] as const,
  )
  const known = new Map(versions)
  const tags = Object.entries(textsOf(document.tags)).filter(([, version]) => known.has(version))
  return { yanked: document.yanked === true, versions: known, tags: new Map(tags) }
}

/** A version's files by their paths within the package, and all that it depends on. */
export type PeerManifest = {
  readonly files: ReadonlyMap<string, Digest>
  readonly dependencies: readonly DependencyMap[]
}

/** Reads a version's manifest, whose bytes were verified. UPSTREAM_INVALID, INVALID_PATH. */
export function parsePeerManifest(text: string, what: string): PeerManifest {
  const manifest: Partial<Record<keyof EntropicManifest, Json>> = objectIn(text, what)
  const files = Object.entries(textsOf(manifest.files)).map(
    ([path, integrity]) => [pathOf(path), digestOf(integrity, what)] as const,
  )
  checkCollisions(files.map(([path]) => path))
  const dependencies = DEPENDENCY_FIELDS.map((field) => textsOf(manifest[field]))
  return { files: new Map(files), dependencies }
}

/** `ns@host/name` with the name percent-encoded; undefined for what is spelled otherwise, as npm's names are. */
export function parseCanonical(text: string): PackageName | undefined {
  const [, namespace, host, encoded] = /^([^@/]+)@([^@/]+)\/([^/]+)$/.exec(text) ?? []
  if (namespace === undefined || host === undefined || encoded === undefined) return undefined
  try {
    return { namespace, host, name: decodeURIComponent(encoded) }
  } catch {
    return undefined
  }
}

/** Clients put files into `package/`, and the original kept others beside it. */
function pathOf(path: string): string {
  return parsePath(path.replace(/^\.\//, '').replace(/^package\//, ''))
}

/** The original could be told to hash by several algorithms, and then wrote all of them. */
function digestOf(integrity: string, what: string): Digest {
  return integrity.split(/\s+/).find(isDigest) ?? invalid(what, `"${integrity.slice(0, 100)}" is no sha512`)
}

function objectIn(text: string, what: string): JsonObject {
  try {
    const value: unknown = JSON.parse(text)
    // Checked to be an object; its members stay unknown JSON.
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return value as JsonObject
  } catch {
    // The same sentence as for JSON that is not an object.
  }
  return invalid(what, 'it is not a JSON object')
}

function textsOf(value: Json | undefined): Record<string, string> {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return {}
  const texts = Object.entries(value).filter(
    (entry): entry is [string, string] => typeof entry[1] === 'string',
  )
  return Object.fromEntries(texts)
}

function invalid(what: string, why: string): never {
  throw new Fault('UPSTREAM_INVALID', { what, why })
}
