import { pipeline } from 'node:stream/promises'
import { createGunzip } from 'node:zlib'
import semver from 'semver'
import { Fault } from '../base/fault.ts'
import { isObject, jsonMembers, type Slice } from './mirror/json-members.ts'
import type { Json, JsonObject } from './model.ts'

/** Most bytes of a document when unpacked; the largest known ones have some 40 MB. */
export const MAX_DOCUMENT = 256 * 2 ** 20

/** What a version says about its tarball; the rest of its `dist` is for clients. */
export type Dist = {
  readonly tarball: string | undefined
  readonly integrity: string | undefined
  readonly shasum: string | undefined
}

/**
 * A packument as the upstream wrote it: its text and where the members lie in it. Only what is asked for is parsed, so that the
 * largest document costs little more than its bytes.
 */
export class UpstreamDocument {
  readonly #text: Buffer
  readonly #root: ReadonlyMap<string, Slice>
  readonly #versions: ReadonlyMap<string, Slice>

  /** Throws SyntaxError when the text is no JSON object. Versions whose number no client could read, or without a manifest, are left out. */
  constructor(text: Buffer) {
    this.#text = text
    this.#root = new Map(jsonMembers(text, { start: 0, end: text.length }))
    const versions = this.#root.get('versions')
    const found = versions ? [...jsonMembers(text, versions)] : []
    this.#versions = new Map(
      found.filter(
        ([version, manifest]) => semver.valid(version, { loose: true }) && isObject(text, manifest),
      ),
    )
  }

  /** Of the text, in bytes. */
  get size(): number {
    return this.#text.length
  }

  /** The names of the root's members. */
  get members(): Iterable<string> {
    return this.#root.keys()
  }

  get versions(): Iterable<string> {
    return this.#versions.keys()
  }

  hasVersion(version: string): boolean {
    return this.#versions.has(version)
  }

  /** A member of the root; undefined when there is none. */
  member(name: string): Json | undefined {
    return this.#parse(this.#root.get(name))
  }

  /** A member of the root that is an object; an empty one in the place of anything else. */
  objectMember(name: string): JsonObject {
    return asObject(this.member(name)) ?? {}
  }

  /** The version's object, `dist` and all, as upstream wrote it; undefined when there is none. */
  manifest(version: string): JsonObject | undefined {
    return asObject(this.#parse(this.#versions.get(version)))
  }

  /** When the version was published, as far as the document says. */
  publishedAt(version: string): number | undefined {
    const date = this.objectMember('time')[version]
    const moment = typeof date === 'string' ? Date.parse(date) : Number.NaN
    return Number.isNaN(moment) ? undefined : moment
  }

  equals(other: UpstreamDocument): boolean {
    return this.#text.equals(other.#text)
  }

  /** Tells whether both documents say the same of this version, byte for byte. */
  sameVersion(version: string, other: UpstreamDocument): boolean {
    const ours = this.#versions.get(version)
    const theirs = other.#versions.get(version)
    if (!ours || !theirs) return false
    return this.#text.compare(other.#text, theirs.start, theirs.end, ours.start, ours.end) === 0
  }

  #parse(slice: Slice | undefined): Json | undefined {
    return slice && JSON.parse(this.#text.toString('utf8', slice.start, slice.end))
  }
}

/** Unpacks a document. UPSTREAM_INVALID when it is not gzip, as it said, or larger than `limit` bytes. */
export async function unpackDocument(
  packed: AsyncIterable<Buffer>,
  { encoding, what, limit = MAX_DOCUMENT }: { encoding: 'identity' | 'gzip'; what: string; limit?: number },
): Promise<Buffer> {
  const chunks: Buffer[] = []
  let size = 0
  const collect = async (bytes: AsyncIterable<Buffer>) => {
    for await (const chunk of bytes) {
      size += chunk.length
      if (size > limit)
        throw new Fault('UPSTREAM_INVALID', { what, why: `it unpacks to more than ${limit} bytes` })
      chunks.push(chunk)
    }
  }
  try {
    if (encoding === 'gzip') await pipeline(packed, createGunzip(), collect)
    else await collect(packed)
  } catch (error) {
    if (!isZlibError(error)) throw error
    throw new Fault('UPSTREAM_INVALID', { what, why: 'it is not the gzip it claims to be' }, { cause: error })
  }
  return Buffer.concat(chunks)
}

/** What `dist` says about the tarball, leaving out what is not text. */
export function distOf(manifest: JsonObject): Dist {
  const dist = asObject(manifest.dist) ?? {}
  return { tarball: text(dist.tarball), integrity: text(dist.integrity), shasum: text(dist.shasum) }
}

export function asObject(value: Json | undefined): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
}

function text(value: Json | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}

function isZlibError(error: unknown): boolean {
  return error instanceof Error && 'code' in error && String(error.code).startsWith('Z_')
}
