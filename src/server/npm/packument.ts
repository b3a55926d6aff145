import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { brotliCompress, constants, gzip, zstdCompress } from 'node:zlib'
import { LRUCache } from 'lru-cache'
import { remembering } from '../../base/memo.ts'
import { SingleFlight } from '../../base/single-flight.ts'
import { fullSecond, type Millis } from '../../base/time.ts'
import { tarballPath } from '../../registry/contents.ts'
import type { PackageDoc, PackageHead, ShortDoc, ShortText } from '../../registry/model.ts'
import type { Registry } from '../../registry/registry.ts'
import { policyRestrictions } from './restrictions.ts'

/** `short` is npm's abbreviated form ("corgi") with `time` added, which spares pnpm a second request. */
export type Form = 'full' | 'short'
/** In the order of preference: zstd is made fastest, and read fastest. */
export const ENCODINGS = ['zstd', 'br', 'gzip', 'identity'] as const
export type Encoding = (typeof ENCODINGS)[number]
export type Wanted = { readonly form: Form; readonly encoding: Encoding; readonly address: string }
export type PackumentHeaders = Readonly<Record<string, string | number>>
/** A packument as it goes out. */
export type Rendered = {
  /** For the document, and for telling that it has not changed. */
  readonly headers: PackumentHeaders
  readonly unchanged: PackumentHeaders
  /** When this state began, where no other of the package has a date in the same second; of a mirrored package, nobody knows. */
  readonly began: Millis | undefined
  readonly body: Buffer
}

/** Of a package's renderings only one has its slot: one form, encoding and address. */
type Kept = Rendered & { readonly slot: string }

/** The ETags of a package for one address under the same rules, each made when first asked for: that costs as much as finding the document. */
type ETags = {
  readonly address: string
  readonly rules: string
  readonly made: Readonly<Record<Form, Partial<Record<Encoding, string>>>>
}

export const MEDIA_TYPES: Readonly<Record<Form, string>> = {
  full: 'application/json',
  short: 'application/vnd.npm.install-v1+json',
}

const ATTESTATIONS = /("attestations":\s*\{\s*"url":\s*")[^"]*?(\/-\/npm\/v1\/attestations\/)/

const [gzipped, brotli, zstd] = [promisify(gzip), promisify(brotliCompress), promisify(zstdCompress)]
/** Brotli's best takes seconds for a large document; this level takes as long as gzip does. */
const BROTLI = { params: { [constants.BROTLI_PARAM_QUALITY]: 5 } }
const encode: Readonly<Record<Encoding, (bytes: Buffer) => Promise<Buffer>>> = {
  zstd: (bytes) => zstd(bytes),
  br: (bytes) => brotli(bytes, BROTLI),
  gzip: (bytes) => gzipped(bytes),
  identity: async (bytes) => bytes,
}

/** Rises when rendering changes, so that clients and caches do not keep what an older release made. */
const RENDERING = 3

/**
 * Renders packuments and keeps the bytes, compressed ones too. The key holds the revision, which rises with every change: nothing
 * is ever invalidated, only outgrown, and what is outgrown makes room.
 */
export class Packuments {
  readonly #registry: Registry
  readonly #kept: LRUCache<string, Kept>
  /** The ETag of what is kept of a package in one form. */
  readonly #latest = new Map<string, string>()
  readonly #rendering = new SingleFlight<Rendered>()
  readonly #etags = new WeakMap<PackageHead, ETags>()

  constructor(registry: Registry, cacheBytes: number) {
    this.#registry = registry
    this.#kept = new LRUCache({
      maxSize: cacheBytes,
      sizeCalculation: ({ body }) => body.length + 500,
      dispose: ({ slot }, etag) => {
        if (this.#latest.get(slot) === etag) this.#latest.delete(slot)
      },
    })
  }

  /** Known without rendering: strong, and different for each form, encoding and public address. */
  etag(head: PackageHead, { form, encoding, address }: Wanted): string {
    const rules = this.#registry.policy.tag(head)
    const made = this.#madeFor(head, { address, rules })[form]
    made[encoding] ??= `"${head.id}-${head.revision}-${form}-${encoding}-${addressTag(address)}${rules}"`
    return made[encoding]
  }

  #madeFor(head: PackageHead, { address, rules }: Pick<ETags, 'address' | 'rules'>): ETags['made'] {
    const known = this.#etags.get(head)
    if (known?.address === address && known.rules === rules) return known.made
    const made = { full: {}, short: {} }
    this.#etags.set(head, { address, rules, made })
    return made
  }

  /** The bytes if they are at hand. */
  kept(etag: string): Rendered | undefined {
    return this.#kept.get(etag)
  }

  /** The bytes, rendered once however many ask. PACKAGE_NOT_FOUND when no version is left. */
  async render(head: PackageHead, wanted: Wanted): Promise<Rendered> {
    const etag = this.etag(head, wanted)
    return this.#kept.get(etag) ?? this.#rendering.run(etag, () => this.#make(head, { wanted, etag }))
  }

  async #make(head: PackageHead, { wanted, etag }: { wanted: Wanted; etag: string }): Promise<Rendered> {
    const { doc, bytes } = await this.#bytes(head, wanted)
    const body = trimmed(await encode[wanted.encoding](bytes))
    // For a mirrored package the upstream's, whenever we fetched it: pnpm reads `time.modified` off Last-Modified.
    const said = Date.parse(doc.time.modified ?? '')
    const modified = Number.isNaN(said) ? head.modifiedAt : said
    const began = head.source === 'local' && fullSecond(modified) !== modified ? modified : undefined
    const unchanged = validators(head, { etag, modified })
    const rendered = { etag, began, unchanged, headers: headersOf(unchanged, wanted, body), body }
    this.#keep(etag, { ...rendered, slot: `${head.id} ${wanted.form} ${wanted.encoding} ${wanted.address}` })
    return rendered
  }

  async #bytes(head: PackageHead, { form, address }: Wanted) {
    const { documents } = this.#registry
    if (form === 'short') {
      const doc = await documents.loadShort(head)
      return { doc, bytes: shortPackument(doc, address) }
    }
    const doc = await documents.load(head)
    return { doc, bytes: fullPackument(doc, address) }
  }

  #keep(etag: string, rendered: Kept): void {
    const outgrown = this.#latest.get(rendered.slot)
    if (outgrown !== undefined) this.#kept.delete(outgrown)
    this.#latest.set(rendered.slot, etag)
    this.#kept.set(etag, rendered)
  }
}

const addressTag = remembering((address) =>
  createHash('sha256').update(`${RENDERING} ${address}`).digest('base64url').slice(0, 8),
)

/** No max-age: a version published a second ago has to be seen, and a 304 costs next to nothing. */
export function validators(
  head: PackageHead,
  { etag, modified }: { etag: string; modified?: Millis },
): PackumentHeaders {
  return {
    etag,
    ...(modified !== undefined && { 'last-modified': new Date(modified).toUTCString() }),
    'cache-control': cacheControl(head, 'no-cache'),
    vary: 'accept, accept-encoding',
  }
}

/** For shared caches: what not everybody may read is not theirs to keep. */
export function cacheControl(head: PackageHead, rest: string): string {
  return `${head.access === 'public' ? 'public' : 'private'}, ${rest}`
}

/** What was compressed lies at the beginning of a buffer of 16 KiB: by itself it takes no more than it is long. */
function trimmed(body: Buffer): Buffer {
  if (body.buffer.byteLength < body.length * 1.1) return body
  const copy = Buffer.allocUnsafeSlow(body.length)
  body.copy(copy)
  return copy
}

function headersOf(unchanged: PackumentHeaders, wanted: Wanted, body: Buffer): PackumentHeaders {
  return {
    ...unchanged,
    'content-type': MEDIA_TYPES[wanted.form],
    'content-length': body.length,
    ...(wanted.encoding !== 'identity' && { 'content-encoding': wanted.encoding }),
  }
}

function fullPackument(doc: PackageDoc, address: string): Buffer {
  const { head } = doc
  const root = {
    ...doc.root,
    _id: head.npmName,
    _rev: revOf(head),
    name: head.npmName,
    'dist-tags': doc.tags,
    time: doc.time,
    ...policyRestrictions(doc.withheld),
  }
  return assemble(
    JSON.stringify(root),
    versionTexts(doc, ({ full }) => full, address),
  )
}

function shortPackument(doc: ShortDoc, address: string): Buffer {
  const { head, time, tags } = doc
  const root = {
    name: head.npmName,
    modified: time.modified,
    'dist-tags': tags,
    time,
    ...policyRestrictions(doc.withheld),
  }
  return assemble(
    JSON.stringify(root),
    versionTexts(doc, ({ short }) => short, address),
  )
}

/** Joins the root object's text and the versions' texts; nothing of a version is parsed. */
function assemble(root: string, versions: Iterable<string>): Buffer {
  return Buffer.from(`${root.slice(0, -1)},"versions":{${[...versions].join(',')}}}`)
}

function* versionTexts<T extends ShortText>(
  { head, versions }: { head: PackageHead; versions: Iterable<T> },
  textOf: (version: T) => string,
  address: string,
): Generator<string> {
  for (const version of versions) {
    const text = versionText(version, textOf(version), { npmName: head.npmName, address })
    yield `${JSON.stringify(version.version)}:${text}`
  }
}

/** One version as it stands in a packument, and alone under `/name/version`. */
export function versionText(
  { version, dist, deprecated }: Omit<ShortText, 'short'>,
  text: string,
  { npmName, address }: { npmName: string; address: string },
): string {
  const tarball = JSON.stringify(`${address}/${tarballPath(npmName, version)}`)
  const whole = withMembers(withOwnAttestations(dist, address), `"tarball":${tarball}`)
  const warning = deprecated === undefined ? '' : `,"deprecated":${JSON.stringify(deprecated)}`
  return withMembers(text, `"dist":${whole}${warning}`)
}

/** `dist` with the address of its attestations at this registry, whichever it was. */
function withOwnAttestations(dist: string, address: string): string {
  if (!dist.includes('"attestations"')) return dist
  return dist.replace(
    ATTESTATIONS,
    (_, before, path) => `${before}${JSON.stringify(address).slice(1, -1)}${path}`,
  )
}

/** The text of a JSON object with more members at its end. */
function withMembers(object: string, members: string): string {
  return object === '{}' ? `{${members}}` : `${object.slice(0, -1)},${members}}`
}

/** The revision in CouchDB's shape, as write flows send it back. */
export function revOf(head: PackageHead): string {
  return `${head.revision}-${head.id.replaceAll('-', '')}`
}

/** The revision number in a `_rev`; undefined for anything else (Yarn classic sends the text "undefined"). */
export function revisionOf(rev: string): number | undefined {
  const number = /^(\d{1,15})-/.exec(rev)?.[1]
  return number === undefined ? undefined : Number(number)
}
