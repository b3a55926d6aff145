import { fail, isFault } from '../base/fault.ts'
import type { Millis } from '../base/time.ts'
import { packageJsonOf, readmeIn, readText } from './file-text.ts'
import { renderMarkdown } from './markdown.ts'
import type { JsonObject, PackageDoc, PackageHead, VersionHead, VersionText } from './model.ts'
import type { Registry } from './registry.ts'

/** A version among others, as people choose one. */
export type VersionLine = {
  readonly version: string
  readonly publishedAt: Millis | undefined
  /** Bytes of its files; not every upstream tells. */
  readonly unpackedSize: number | undefined
  readonly integrity: string | undefined
  readonly deprecated: string | undefined
  /** Whether somebody attests where it comes from. */
  readonly attested: boolean
  readonly yanked: boolean
}

/** What there is to tell people about a package, with one version looked at more closely. */
export type Overview = {
  readonly head: PackageHead
  readonly tags: Readonly<Record<string, string>>
  /** Newest first, yanked ones too. */
  readonly versions: readonly VersionLine[]
  /** The version looked at; undefined: nothing has been published yet. */
  readonly shown: VersionLine | undefined
  /** Of the version looked at. */
  readonly manifest: JsonObject
  /** Of the version looked at, as far as its content is stored here. */
  readonly kept: VersionHead | undefined
  /** The package's root fields in the words of its packument; no more than that. */
  readonly root: JsonObject
}

/** Bytes of a README that are rendered. */
const MAX_README = 256 * 1024

/**
 * Tells about a package as it is stored, without fetching any tarball. `version` is looked at, or else `latest`. VERSION_NOT_FOUND.
 */
export async function overviewOf(registry: Registry, head: PackageHead, version?: string): Promise<Overview> {
  const [doc, kept] = await Promise.all([load(registry, head), registry.contents.versions(head)])
  const yanked = kept.filter((it) => it.yankedAt !== undefined)
  const wanted = version ?? doc?.tags.latest ?? kept.at(-1)?.version
  const { lines, manifest } = walk(doc, wanted)
  const versions = [...lines, ...yanked.map(yankedLine)].sort(newestFirst)
  const shown = versions.find((line) => line.version === wanted)
  if (!shown && version !== undefined) fail('VERSION_NOT_FOUND', { spec: head.npmName, version })
  const found = kept.find((it) => it.version === wanted)
  return {
    head,
    tags: doc?.tags ?? {},
    versions,
    shown,
    manifest: manifest ?? (await manifestInside(registry, found)),
    kept: found,
    root: doc?.root ?? {},
  }
}

/** The README of the version looked at as sanitised HTML; undefined when it has none that is known here. */
export async function readmeOf(
  { contents }: Registry,
  { kept, shown, tags, root }: Overview,
): Promise<string | undefined> {
  if (kept?.readmeHtml) {
    const { readmeHtml: digest } = kept
    const read = await readText(contents, { digest, size: await contents.size(digest) }, 4 * MAX_README)
    if ('text' in read) return read.text
  }
  if (kept?.tree) {
    const file = readmeIn(await contents.tree(kept.tree))
    const read = file && (await readText(contents, file, MAX_README))
    return read && 'text' in read ? renderMarkdown(read.text) : undefined
  }
  const { readme } = root
  const isOfShown = shown?.version === tags.latest && typeof readme === 'string' && readme !== ''
  return isOfShown && readme.length <= MAX_README ? renderMarkdown(readme) : undefined
}

/** undefined when everything in it was yanked, or nothing ever published: then there is no packument to render. */
async function load({ documents }: Registry, head: PackageHead): Promise<PackageDoc | undefined> {
  try {
    return await documents.load(head)
  } catch (error) {
    if (isFault(error, 'PACKAGE_NOT_FOUND')) return undefined
    throw error
  }
}

function walk(doc: PackageDoc | undefined, wanted: string | undefined) {
  const lines: VersionLine[] = []
  let manifest: JsonObject | undefined
  for (const text of doc?.versions ?? []) {
    lines.push(lineOf(text, doc?.time[text.version]))
    // Rendered by us from an object.
    if (text.version === wanted) manifest = JSON.parse(text.full) as JsonObject
  }
  return { lines, manifest }
}

function lineOf({ version, dist: json, deprecated }: VersionText, date: string | undefined): VersionLine {
  // Rendered by us from an object.
  const dist = JSON.parse(json) as JsonObject
  const { unpackedSize, integrity, attestations } = dist
  return {
    version,
    publishedAt: date === undefined ? undefined : Date.parse(date),
    unpackedSize: typeof unpackedSize === 'number' && unpackedSize >= 0 ? unpackedSize : undefined,
    integrity: typeof integrity === 'string' ? integrity : undefined,
    deprecated,
    attested: attestations !== undefined,
    yanked: false,
  }
}

function yankedLine({ version, publishedAt, tarball, deprecated }: VersionHead): VersionLine {
  const integrity = tarball?.digest
  const rest = { unpackedSize: undefined, attested: false, yanked: true }
  return { version, publishedAt, integrity, deprecated, ...rest }
}

function newestFirst(a: VersionLine, b: VersionLine): number {
  return (b.publishedAt ?? 0) - (a.publishedAt ?? 0)
}

async function manifestInside({ contents }: Registry, kept: VersionHead | undefined): Promise<JsonObject> {
  if (!kept?.tree) return {}
  return packageJsonOf(contents, await contents.tree(kept.tree))
}
