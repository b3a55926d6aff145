import type { IncomingMessage } from 'node:http'
import { LRUCache } from 'lru-cache'
import type { Digest } from '../../base/digest.ts'
import { fail } from '../../base/fault.ts'
import { npmNameOf, type PackageName } from '../../base/name.ts'
import { type PublicTarball, versionOfTarball } from '../../registry/contents.ts'
import type { StoredTarball } from '../../registry/mirror/tarballs.ts'
import type { PackageDoc, PackageHead, VersionText, Who } from '../../registry/model.ts'
import type { Registry } from '../../registry/registry.ts'
import type { Download } from '../../registry/tally.ts'
import { type Answer, isCurrent, isUnmodified } from '../http/answer.ts'
import { bytesAnswer } from '../http/bytes.ts'
import { LastKnown } from './last-known.ts'
import type { ReadPath } from './names.ts'
import { encodingWanted, formWanted } from './negotiate.ts'
import {
  cacheControl,
  ENCODINGS,
  Packuments,
  type Rendered,
  validators,
  versionText,
  type Wanted,
} from './packument.ts'

/** What installing asks for, and of which package. */
export type Asked = { readonly asked: ReadPath; readonly name: PackageName }

/** A request for a package's document, with what it takes to answer. */
export type Reading = { readonly request: IncomingMessage; readonly who: Who; readonly address: string }

/** The package that a tarball belongs to. */
type Holder = Pick<PackageHead, 'id' | 'source' | 'access'>
type Sendable = Pick<StoredTarball, 'print' | 'publishedAt' | 'fetched' | 'bytes'>
type StoredIn = { readonly packageId: string; readonly version: string; readonly digest: Digest }

const NOT_STORED = Symbol('not stored')
/** What HTTP calls an answer that nobody could confirm (RFC 7234 §5.5). */
const STALE = { warning: '110 - "Response is Stale"' }
const YEAR = 'max-age=31536000, immutable'
/** Tarballs up to this size are kept in memory while there is room: opening and reading a file costs more than sending it. */
const SMALL = 2 * 1024 * 1024

/** What installing reads: packuments, single versions, tarballs. */
export class Reads {
  readonly #registry: Registry
  readonly #packuments: Packuments
  /** Whole answers with small tarballs, by what tells them apart. */
  readonly #small: LRUCache<string, Answer & { body: Buffer }>
  readonly #heads = new LastKnown<PackageHead>(({ access }) => access === 'public')
  readonly #tarballs = new LastKnown<PublicTarball | typeof NOT_STORED>((found) => found !== NOT_STORED)

  constructor(registry: Registry, cacheBytes: { packuments: number; tarballs: number }) {
    this.#registry = registry
    this.#packuments = new Packuments(registry, cacheBytes.packuments)
    this.#small = new LRUCache({
      maxSize: cacheBytes.tarballs,
      sizeCalculation: ({ body }) => body.length + 500,
    })
  }

  /**
   * As packument and tarball, for what everybody may have and is all at hand, as it mostly is: nothing is waited for then, which at this rate
   * counts. Undefined: the others know.
   */
  now({ asked, name }: Asked, reading: Reading): Answer | undefined {
    if (asked.kind === 'packument') return this.#packumentNow(name, reading)
    return asked.kind === 'tarball' ? this.#tarballNow(npmNameOf(name), asked.file, reading) : undefined
  }

  /** GET of what install asks for, in time. */
  async answer({ asked, name }: Asked, reading: Reading): Promise<Answer> {
    if (asked.kind === 'packument') return this.packument(name, reading)
    if (asked.kind === 'version') return this.version(name, asked.version, reading)
    return this.tarball(name, asked.file, reading)
  }

  #packumentNow(name: PackageName, reading: Reading): Answer | undefined {
    const head = this.#registry.packages.headNow(name)
    if (!head) return undefined
    const wanted = wantedBy(reading)
    const kept = this.#packuments.kept(this.#packuments.etag(head, wanted))
    return kept && this.#current(head, { kept, wanted, request: reading.request })
  }

  #tarballNow(npmName: string, file: string, { request }: Reading): Answer | undefined {
    if (!isPlainGet(request)) return undefined
    const version = versionOfTarball(npmName, file)
    const tarball = version && this.#registry.contents.storedTarballNow(npmName, version)
    const answer = tarball && this.#small.get(keyOf(tarball, 'public'))
    if (!answer) return undefined
    this.#use(tarball, version)
    this.#countStored(request, { tarball, version, of: tarball })
    return answer
  }

  /** GET /name: 200 or 304. */
  async packument(name: PackageName, reading: Reading): Promise<Answer> {
    const ask = () => this.#registry.packages.head(reading.who, name)
    const { value: head, isStale } = await this.#heads.find(npmNameOf(name), ask)
    const answer = await this.#packument(head, reading)
    return isStale ? { ...answer, headers: { ...answer.headers, ...STALE } } : answer
  }

  async #packument(head: PackageHead, reading: Reading): Promise<Answer> {
    const wanted = wantedBy(reading)
    const etag = this.#packuments.etag(head, wanted)
    if (this.#isCurrent(reading.request, head, wanted))
      return { status: 304, headers: this.#packuments.kept(etag)?.unchanged ?? validators(head, { etag }) }
    const kept = await this.#packuments.render(head, wanted)
    return this.#current(head, { kept, wanted, request: reading.request })
  }

  /** A rendered document, or that the client has it already. */
  #current(
    head: PackageHead,
    { kept, wanted, request }: { kept: Rendered; wanted: Wanted; request: IncomingMessage },
  ): Answer {
    const { began, unchanged, headers, body } = kept
    const isDated = began !== undefined && isUnmodified(request, began)
    const isKnown = isDated || this.#isCurrent(request, head, wanted)
    return isKnown ? { status: 304, headers: unchanged } : { status: 200, headers, body }
  }

  /** GET /name/version and /name/tag: one version of the full packument. */
  async version(name: PackageName, selector: string, reading: Reading): Promise<Answer> {
    const head = await this.#registry.packages.head(reading.who, name)
    const version = (await this.#select(head, selector)) ?? (await this.#selectFresh(head, selector))
    const text = versionText(version, version.full, { npmName: head.npmName, address: reading.address })
    const headers = { 'content-type': 'application/json', 'cache-control': cacheControl(head, 'no-cache') }
    const body = Buffer.from(text)
    return { status: 200, headers: { ...headers, 'content-length': body.length }, body }
  }

  /** A client that kept the gzipped form and now asks for the plain one, or the other way, has the current document all the same. */
  #isCurrent(request: IncomingMessage, head: PackageHead, wanted: Wanted): boolean {
    if (request.headers['if-none-match'] === undefined) return false
    return ENCODINGS.some((encoding) =>
      isCurrent(request, this.#packuments.etag(head, { ...wanted, encoding })),
    )
  }

  async #select(head: PackageHead, selector: string): Promise<VersionText | undefined> {
    return selectVersion(await this.#registry.documents.load(head), selector)
  }

  /** A version or tag that our copy lacks may be there upstream by now. VERSION_NOT_FOUND. */
  async #selectFresh(head: PackageHead, selector: string): Promise<VersionText> {
    const fresh = await this.#registry.packages.fresh(head)
    const version = fresh.revision === head.revision ? undefined : await this.#select(fresh, selector)
    return version ?? fail('VERSION_NOT_FOUND', { spec: head.npmName, version: selector })
  }

  /** GET /name/-/file.tgz */
  async tarball(name: PackageName, file: string, reading: Reading): Promise<Answer> {
    const npmName = npmNameOf(name)
    const version = versionOfTarball(npmName, file) ?? fail('NOT_FOUND', { what: file })
    const ask = async () => (await this.#registry.contents.storedTarball(npmName, version)) ?? NOT_STORED
    const { value: kept } = await this.#tarballs.find(`${npmName}@${version}`, ask)
    if (kept !== NOT_STORED) {
      this.#use(kept, version)
      return this.#stored(kept, { ...reading, version, of: { ...kept, access: 'public' } })
    }
    const head = await this.#registry.packages.head(reading.who, name)
    const tarball = await this.#registry.contents.tarball(head, version)
    if (tarball.kind === 'stored') return this.#stored(tarball, { ...reading, version, of: head })
    const length = tarball.size === undefined ? {} : { 'content-length': tarball.size }
    const headers = {
      'content-type': 'application/octet-stream',
      'cache-control': `public, ${YEAR}`,
      ...length,
    }
    const download = { packageId: head.id, version, mirrored: 'miss', bytes: tarball.size } as const
    this.#count(reading.request, download)
    return { status: 200, headers, body: async () => tarball.follow() }
  }

  async #stored(
    tarball: Sendable,
    { request, version, of }: { request: IncomingMessage; version: string; of: Holder },
  ): Promise<Answer> {
    const { digest } = tarball.print
    const stored = { packageId: of.id, version, digest }
    const count = () => this.#countStored(request, { tarball, version, of })
    // The address is for GET alone.
    const elsewhere = request.method === 'GET' && (await this.#registry.contents.link(digest))
    if (elsewhere) {
      if (request.headers.range === undefined) count()
      return { status: 302, headers: { location: elsewhere, 'cache-control': 'no-store' } }
    }
    const key = keyOf(tarball, of.access)
    const isPlain = isPlainGet(request)
    const known = isPlain ? this.#small.get(key) : undefined
    const answer = known ?? (await this.#fromStore(tarball, { request, of, stored }))
    const { body } = answer
    if (isPlain && !known && Buffer.isBuffer(body)) this.#small.set(key, { ...answer, body })
    if (answer.status === 200) count()
    return answer
  }

  #fromStore(
    { print: { digest, size }, publishedAt, bytes }: Sendable,
    { request, of, stored }: { request: IncomingMessage; of: Holder; stored: StoredIn },
  ): Promise<Answer> {
    const { contents } = this.#registry
    return bytesAnswer(request, {
      digest,
      size,
      access: of.access,
      headers: { 'last-modified': new Date(publishedAt).toUTCString() },
      open: (range) => contents.openTarball(stored, range),
      whole: async () => {
        if (bytes) return bytes
        if (size > SMALL) return () => contents.openTarball(stored)
        return Buffer.concat(await Array.fromAsync(await contents.openTarball(stored)))
      },
    })
  }

  /** Those not asked for the longest are forgotten first. */
  #use({ id, source }: PublicTarball, version: string): void {
    if (source === 'mirror') this.#registry.contents.use({ id, version })
  }

  #countStored(
    request: IncomingMessage,
    { tarball, version, of }: { tarball: Sendable; version: string; of: Pick<Holder, 'id' | 'source'> },
  ): void {
    const mirrored = of.source === 'mirror' ? ({ mirrored: tarball.fetched ? 'miss' : 'hit' } as const) : {}
    this.#count(request, { packageId: of.id, version, ...mirrored, bytes: tarball.print.size })
  }

  /** A download is a whole tarball: looking whether it is there or has changed is none, nor is going on with one. */
  #count(request: IncomingMessage, download: Download): void {
    if (request.method === 'GET') this.#registry.tally.note(download)
  }
}

/** Neither a part is asked for nor whether it has changed. */
function isPlainGet({ method, headers }: IncomingMessage): boolean {
  return method === 'GET' && headers.range === undefined && headers['if-none-match'] === undefined
}

/** What an answer with a stored tarball depends on. */
function keyOf({ print, publishedAt }: Sendable, access: Holder['access']): string {
  return `${print.digest} ${publishedAt} ${access}`
}

function wantedBy({ request, address }: Reading): Wanted {
  const { headers } = request
  return { form: formWanted(headers.accept), encoding: encodingWanted(headers['accept-encoding']), address }
}

function selectVersion(doc: PackageDoc, selector: string): VersionText | undefined {
  const wanted = Object.hasOwn(doc.tags, selector) ? doc.tags[selector] : selector
  for (const version of doc.versions) if (version.version === wanted) return version
  return undefined
}
