import type { Fingerprint } from '../../base/digest.ts'
import { Fault } from '../../base/fault.ts'
import { giveBack, SPARE_SIZE, takeBuffer } from '../../base/spare-buffers.ts'
import type { JsonObject } from '../../registry/model.ts'
import type { Spool } from '../../registry/registry.ts'
import { beginsValue, Gathered, mustBeFewValues, objectOf } from '../http/body.ts'

/** A publish document with its tarballs taken out on the way. */
export type PublishBody = {
  readonly document: JsonObject
  /** By attachment name. The `data` of these is '' in the document. */
  readonly tarballs: ReadonlyMap<string, Fingerprint>
}

export type BodyLimits = {
  /** Bytes of one decoded tarball. */
  readonly tarball: number
  /** Bytes of everything else. */
  readonly document: number
}

const QUOTE = 0x22
const BACKSLASH = 0x5c
const [OPEN_BRACE, CLOSE_BRACE, OPEN_BRACKET, CLOSE_BRACKET, COLON, COMMA] = [
  0x7b, 0x7d, 0x5b, 0x5d, 0x3a, 0x2c,
]
const MAX_DEPTH = 200

/**
 * Reads a publish document as it arrives: the base64 text at `_attachments.<name>.tgz.data` is decoded into the store chunk by chunk, and
 * only the rest is kept in memory. So a tarball of any size costs the same. BAD_REQUEST, TOO_LARGE.
 */
export async function readPublishBody(
  body: AsyncIterable<Buffer>,
  limits: BodyLimits,
  openSpool: () => Promise<Spool>,
): Promise<PublishBody> {
  const tarballs = new Map<string, Fingerprint>()
  const scanner = new Scanner(limits.document)
  let sink: Base64Sink | undefined
  try {
    for await (const chunk of body) {
      let at = 0
      while (at < chunk.length) {
        if (!sink) {
          at = scanner.scan(chunk, at)
          if (scanner.attachment !== undefined && tarballs.size > 0)
            throw new Fault('BAD_REQUEST', { why: 'a publish attaches exactly one .tgz' })
          if (scanner.attachment !== undefined) sink = new Base64Sink(await openSpool(), limits.tarball)
          continue
        }
        const end = chunk.indexOf(QUOTE, at)
        await sink.write(chunk.subarray(at, end < 0 ? chunk.length : end))
        if (end < 0) break
        tarballs.set(scanner.attachment ?? '', await sink.finish())
        sink = undefined
        at = scanner.leaveAttachment(end)
      }
    }
    return { document: parse(scanner.text()), tarballs }
  } finally {
    await sink?.abort()
  }
}

function parse(text: string): JsonObject {
  try {
    const document = objectOf(JSON.parse(text))
    if (document) return document
  } catch (error) {
    throw new Fault('BAD_REQUEST', { why: 'the body is not JSON' }, { cause: error })
  }
  throw new Fault('BAD_REQUEST', { why: 'the body must be a JSON object' })
}

/**
 * Follows JSON just closely enough to know where it is: the keys on the way down, and whether inside a string. It stops after the quote
 * that begins a tarball's data.
 */
class Scanner {
  /** The attachment whose data begins where scan stopped. */
  attachment: string | undefined
  readonly #limit: number
  readonly #kept = new Gathered()
  #values = 0
  /** The key last seen at each open object's level; undefined for arrays. */
  readonly #path: (string | undefined)[] = []
  #inString = false
  #escaped = false
  #isKey = false
  #key: number[] = []

  constructor(limit: number) {
    this.#limit = limit
  }

  /** Returns where it stopped: past the chunk's end, or where an attachment's data begins. */
  scan(chunk: Buffer, from: number): number {
    for (let at = from; at < chunk.length; at++) {
      // The index is within the chunk.
      const byte = chunk[at] as number
      if (this.#inString) this.#inside(byte)
      else if (byte === QUOTE && this.#beginsTarball()) return this.#stop(chunk, from, at)
      else this.#outside(byte)
    }
    this.#keep(chunk.subarray(from))
    return chunk.length
  }

  /** Goes on after the quote that ended the data. */
  leaveAttachment(end: number): number {
    this.attachment = undefined
    this.#keep(Buffer.from('"'))
    return end + 1
  }

  text(): string {
    return this.#kept.bytes().toString()
  }

  #stop(chunk: Buffer, from: number, quote: number): number {
    this.#keep(chunk.subarray(from, quote + 1))
    this.attachment = this.#path[1]
    return quote + 1
  }

  #beginsTarball(): boolean {
    const [root, name, field] = this.#path
    return (
      !this.#isKey &&
      this.#path.length === 3 &&
      root === '_attachments' &&
      field === 'data' &&
      name?.endsWith('.tgz') === true
    )
  }

  #inside(byte: number): void {
    if (this.#isKey && (byte !== QUOTE || this.#escaped)) this.#key.push(byte)
    if (this.#escaped) this.#escaped = false
    else if (byte === BACKSLASH) this.#escaped = true
    else if (byte === QUOTE) this.#endString()
  }

  #endString(): void {
    this.#inString = false
    if (!this.#isKey) return
    this.#path[this.#path.length - 1] = unescaped(Buffer.from(this.#key).toString())
    this.#isKey = false
  }

  #outside(byte: number): void {
    if (beginsValue(byte)) mustBeFewValues(++this.#values)
    if (byte === QUOTE) {
      this.#inString = true
      this.#key = []
    } else if (byte === OPEN_BRACE) this.#open('')
    else if (byte === OPEN_BRACKET) this.#open(undefined)
    else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) {
      this.#path.pop()
      this.#isKey = false
    } else if (byte === COMMA) this.#isKey = this.#path.at(-1) !== undefined
    else if (byte === COLON) this.#isKey = false
  }

  #open(key: '' | undefined): void {
    if (this.#path.length >= MAX_DEPTH)
      throw new Fault('BAD_REQUEST', { why: 'the body is nested too deeply' })
    this.#path.push(key)
    this.#isKey = key !== undefined
  }

  #keep(bytes: Buffer): void {
    if (this.#kept.size + bytes.length > this.#limit)
      throw new Fault('TOO_LARGE', { what: 'The publish document without its tarball', limit: this.#limit })
    this.#kept.add(bytes)
  }
}

/** A key as JSON means it; as it stands when it is no JSON string, since the whole document is parsed later anyway. */
function unescaped(raw: string): string {
  if (!raw.includes('\\')) return raw
  try {
    return String(JSON.parse(`"${raw}"`))
  } catch {
    return raw
  }
}

/** Decodes base64 text that comes in pieces into a spool. */
class Base64Sink {
  readonly #spool: Spool
  readonly #limit: number
  /** Decoded into again and again: 300 MB of fresh buffers would outrun the garbage collector. */
  readonly #decoded = takeBuffer()
  /** Bytes of it that wait to be written: a few large writes cost less than many small ones. */
  #filled = 0
  #size = 0
  #rest = ''
  #escape = ''
  /** Nothing may follow padding. */
  #isEnded = false

  constructor(spool: Spool, limit: number) {
    this.#spool = spool
    this.#limit = limit
  }

  async write(piece: Buffer): Promise<void> {
    const isPlain = this.#escape === '' && !piece.includes(BACKSLASH)
    const clean = isPlain ? piece : Buffer.from(this.#unescape(piece.toString('latin1')))
    // Four letters make three bytes: what is short of that waits for the next piece.
    const begin = Math.min((4 - this.#rest.length) % 4, clean.length)
    this.#rest += clean.toString('latin1', 0, begin)
    if (this.#rest.length < 4 && this.#rest !== '') return
    await this.#decode(this.#rest)
    const end = clean.length - ((clean.length - begin) % 4)
    for (let at = begin; at < end; at += SPARE_SIZE)
      await this.#decode(clean.toString('latin1', at, Math.min(at + SPARE_SIZE, end)))
    this.#rest = clean.toString('latin1', end)
  }

  async finish(): Promise<Fingerprint> {
    await this.#decode(this.#rest + this.#escape)
    await this.#flush()
    giveBack(this.#decoded)
    return this.#spool.finish()
  }

  async abort(): Promise<void> {
    await this.#spool.abort()
  }

  /** Some writers escape `/` in JSON, some `+`. What is cut off within an escape waits for the next piece. */
  #unescape(text: string): string {
    const whole = this.#escape + text
    const cut = whole.search(/\\(?:u[0-9a-f]{0,3})?$/i)
    const end = cut < 0 ? whole.length : cut
    this.#escape = whole.slice(end)
    return whole.slice(0, end).replace(/\\u[0-9a-f]{4}|\\\//gi, (one) => JSON.parse(`"${one}"`))
  }

  async #decode(text: string): Promise<void> {
    if (text === '') return
    if (this.#filled + text.length > this.#decoded.length) await this.#flush()
    const size = this.#decoded.write(text, this.#filled, 'base64')
    if (this.#isEnded || size !== sizeOf(text))
      throw new Fault('BAD_REQUEST', { why: 'the tarball is not base64' })
    this.#isEnded = text.endsWith('=')
    this.#filled += size
    this.#size += size
    if (this.#size > this.#limit) throw new Fault('TOO_LARGE', { what: 'The tarball', limit: this.#limit })
  }

  async #flush(): Promise<void> {
    const filled = this.#decoded.subarray(0, this.#filled)
    this.#filled = 0
    await this.#spool.write(filled)
  }
}

/**
 * How many bytes base64 text stands for if it is sound, with its padding or without; -1 for what Node would read although it is another
 * alphabet or a letter is left over. Node skips what is no base64, so that the size tells; a pattern takes longer than decoding does.
 */
function sizeOf(text: string): number {
  if (text.includes('-') || text.includes('_')) return -1
  const padding = text.endsWith('==') ? 2 : text.endsWith('=') ? 1 : 0
  if ((text.length - padding) % 4 === 1) return -1
  return Math.floor(((text.length - padding) * 3) / 4)
}
