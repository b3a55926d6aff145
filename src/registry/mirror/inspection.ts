import { finished } from 'node:stream/promises'
import { createGunzip, type Gunzip } from 'node:zlib'
import { Fault } from '../../base/fault.ts'
import { runsOnInstall } from '../abbreviated.ts'
import type { Json, JsonObject } from '../model.ts'
import { licenceOf } from '../policy-rows.ts'
import { TarEntries, type TarEntry } from '../tar/entries.ts'
import { Links } from '../tar/links.ts'
import { placeOf, staysInside } from '../tar/places.ts'
import { asObject } from '../upstream-document.ts'

/**
 * What the package.json in a tarball says, as far as rules ask. `unreadable` tells why nobody can say; it then counts as one that runs a script and
 * names no licence.
 */
export type Contained = {
  readonly name?: string
  readonly version?: string
  readonly license?: string
  readonly hasInstallScript?: true
  readonly unreadable?: string
}

const MAX_PACKAGE_JSON = 4 * 2 ** 20
/** More than any package has: it is meant to fill disks. */
const MAX_UNPACKED = 4 * 2 ** 30
const PIECE = 128 * 1024
/** What is read of a package, or counts by being there. */
const READ: ReadonlySet<string> = new Set(['package.json', 'binding.gyp'])
/** Of a text that is kept. */
const LONGEST = 300

/**
 * Looks through a tarball while its bytes come by, in constant memory. What would be written outside the package's folder is refused; what cannot
 * be read is left to whoever unpacks it, since old packages hold odd things that some clients can read.
 */
export class Inspection {
  readonly #what: string
  readonly #mostUnpacked: number
  readonly #entries = new TarEntries(
    (name, size) => placeOf(name) === 'package.json' && size <= MAX_PACKAGE_JSON,
    (entry) => this.#note(entry),
  )
  readonly #links = new Links()
  readonly #packageJsons: (Buffer | undefined)[] = []
  #feed: ((chunk: Uint8Array) => Promise<void>) | undefined
  #gunzip: Gunzip | undefined
  #hasBindings = false
  /** Not all clients read the record that gives a file another name. */
  #isNamedTwice = false
  #size = 0
  #damaged = false
  #refused: Fault | undefined

  /**
   * @param what the tarball, for sentences
   * @param mostUnpacked bytes
   */
  constructor(what: string, mostUnpacked = MAX_UNPACKED) {
    this.#what = what
    this.#mostUnpacked = mostUnpacked
  }

  /** Passes the bytes on while it looks through them, and says at their end what they are. UPSTREAM_INVALID, and what `bytes` throws. */
  async *watch(
    bytes: AsyncIterable<Uint8Array>,
    found: (contained: Contained) => void,
  ): AsyncGenerator<Uint8Array, void> {
    let looking: Promise<void> | undefined
    try {
      for await (const chunk of bytes) {
        await looking // one piece behind
        if (this.#refused) throw this.#refused
        this.#feed ??= this.#opened(chunk)
        looking = this.#feed(chunk)
        yield chunk
      }
      await looking
      if (this.#gunzip) await finished(this.#gunzip.end()).catch(() => undefined) // noted already
      if (this.#refused) throw this.#refused
      found(this.#contained())
    } finally {
      this.#gunzip?.destroy()
    }
  }

  /** How to look at pieces of what begins so. Most are gzip; some old ones are plain, which npm takes too. */
  #opened(start: Uint8Array): (chunk: Uint8Array) => Promise<void> {
    if (start[0] !== 0x1f) return async (chunk) => this.#look(Buffer.from(chunk))
    const gunzip = createGunzip({ chunkSize: PIECE })
    gunzip.on('data', (chunk: Buffer) => this.#look(chunk))
    let wake = () => {}
    gunzip.on('error', () => {
      this.#damaged = true
      wake() // what it fails at is not called back
    })
    this.#gunzip = gunzip
    return (chunk) =>
      new Promise((resolve) => {
        wake = resolve
        if (this.#damaged) resolve()
        else gunzip.write(chunk, () => resolve())
      })
  }

  #look(chunk: Buffer): void {
    this.#size += chunk.length
    if (this.#size > this.#mostUnpacked) this.#refuse(`it unpacks to more than ${this.#mostUnpacked} bytes`)
    if (!this.#refused) this.#entries.push(chunk)
  }

  #note(entry: TarEntry): void {
    const { name, otherName, kind, target, content } = entry
    const place = placeOf(name)
    if (
      place === undefined ||
      leadsOut(name, kind, target) ||
      (kind === 'symlink' && this.#links.isBelow(place))
    )
      this.#refuse(`"${name.slice(0, 200)}" in it leads out of the package`)
    if (place === 'package.json') this.#packageJsons.push(content)
    if (place === 'binding.gyp') this.#hasBindings = true
    if (place !== undefined) this.#links.note(entry, place)
    if (otherName !== undefined && READ.has(placeOf(otherName) ?? '')) this.#isNamedTwice = true
  }

  #refuse(why: string): void {
    this.#refused ??= new Fault('UPSTREAM_INVALID', { what: this.#what, why })
  }

  #doubt(): string | undefined {
    if (this.#damaged) return 'it is damaged'
    this.#entries.end()
    const names = this.#isNamedTwice ? 'it has two names for a file that counts' : undefined
    return this.#entries.doubt ?? this.#links.doubt ?? names
  }

  #contained(): Contained {
    const [json, ...others] = this.#packageJsons
    const why = this.#doubt()
    if (why !== undefined) return unreadable(why)
    // Clients disagree about which of two counts.
    if (others.length > 0) return unreadable('it holds more than one package.json')
    const manifest = json && objectIn(json)
    if (!manifest) return unreadable('it holds no package.json that can be read')
    const runs = this.#hasBindings || runsOnInstall(manifest.scripts)
    const { name, version } = manifest
    return {
      ...(typeof name === 'string' && { name: name.slice(0, LONGEST) }),
      ...(typeof version === 'string' && { version: version.slice(0, LONGEST) }),
      license: licenceOf(manifest).slice(0, LONGEST),
      ...(runs && { hasInstallScript: true }),
    }
  }
}

/** Looks through a whole tarball; `what` is for sentences. UPSTREAM_INVALID. */
export async function inspect(what: string, bytes: AsyncIterable<Uint8Array>): Promise<Contained> {
  const { promise, resolve } = Promise.withResolvers<Contained>()
  for await (const _ of new Inspection(what).watch(bytes, resolve));
  return promise
}

function leadsOut(name: string, kind: TarEntry['kind'], target: string): boolean {
  if (kind === 'symlink') return !staysInside(name, target)
  return kind === 'link' && placeOf(target) === undefined
}

const unreadable = (why: string): Contained => ({ hasInstallScript: true, unreadable: why })

function objectIn(json: Buffer): JsonObject | undefined {
  try {
    // JSON.parse gives nothing but the types of JSON.
    return asObject(JSON.parse(json.toString().replace(/^\uFEFF/, '')) as Json)
  } catch {
    return undefined
  }
}
