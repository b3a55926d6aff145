import { type Digest, parseDigest } from '../../base/digest.ts'
import { fail } from '../../base/fault.ts'
import { parseNpmName } from '../../base/name.ts'
import { isKey } from '../keys.ts'
import type { Json, JsonObject } from '../model.ts'
import { asObject } from '../upstream-document.ts'

export const FORMAT = 'entropic-bundle/1'

/** An object of the bundle: its address and its bytes. */
export type BundledObject = { readonly digest: Digest; readonly size: number }

export type BundledPackage = {
  /** The npm spelling. */
  readonly name: string
  /** The packument, cut down to the versions that are in the bundle. */
  readonly document: BundledObject
  /** The tarballs by version. */
  readonly versions: Readonly<Record<string, BundledObject>>
}

/** The first file of a bundle: all that is in it. The signature stands over its bytes. */
export type BundleManifest = {
  readonly format: typeof FORMAT
  /** ISO date. */
  readonly created: string
  /** The name of the registry that made it. */
  readonly from: string
  /** What the signatures in the documents are checked with, as npm's registry lists keys. */
  readonly keys: readonly JsonObject[]
  readonly packages: readonly BundledPackage[]
}

/** Reads a manifest or throws BAD_REQUEST. */
export function parseManifest(bytes: Buffer): BundleManifest {
  const root = parsed(bytes)
  if (root.format !== FORMAT) broken(`its format is ${JSON.stringify(root.format)}, not ${FORMAT}`)
  if (!Array.isArray(root.packages)) return broken('it lists no packages')
  const { created, from, keys = [] } = root // the first bundles had none
  if (typeof created !== 'string' || Number.isNaN(Date.parse(created)) || typeof from !== 'string')
    return broken('it does not say when and where it was made')
  if (!Array.isArray(keys) || !keys.every(isKey)) return broken('its keys are none')
  return { format: FORMAT, created, from, keys, packages: root.packages.map(parsePackage) }
}

/** Every object of the bundle once, with the order in which they lie in the file. */
export function objectsOf({ packages }: BundleManifest): Map<Digest, number> {
  const all = packages.flatMap(({ document, versions }) => [document, ...Object.values(versions)])
  return new Map(all.map(({ digest, size }) => [digest, size]))
}

export function broken(why: string): never {
  return fail('BAD_REQUEST', { why: `The bundle cannot be used: ${why}` })
}

function parsed(bytes: Buffer): JsonObject {
  try {
    // JSON.parse gives nothing but the types of JSON.
    return asObject(JSON.parse(bytes.toString()) as Json) ?? broken('its manifest is no object')
  } catch (error) {
    if (error instanceof SyntaxError) return broken('its manifest is no JSON')
    throw error
  }
}

function parsePackage(value: Json): BundledPackage {
  const { name, document, versions } = asObject(value) ?? {}
  if (typeof name !== 'string') return broken('a package has no name')
  const entries = Object.entries(asObject(versions) ?? {})
  return {
    name: parseNpmName(name),
    document: parseObject(document),
    versions: Object.fromEntries(entries.map(([version, it]) => [version, parseObject(it)])),
  }
}

function parseObject(value: Json | undefined): BundledObject {
  const { digest, size } = asObject(value) ?? {}
  if (typeof digest !== 'string' || typeof size !== 'number') return broken('an object has no address')
  return { digest: parseDigest(digest), size }
}
