import type { IncomingMessage } from 'node:http'
import { pipeline } from 'node:stream'
import { createGunzip, createInflate } from 'node:zlib'
import { Fault } from '../../base/fault.ts'
import type { Json, JsonObject } from '../../registry/model.ts'

/** The body with its content-encoding taken off. UNSUPPORTED_MEDIA for an encoding we do not know. */
export function decodedBody(request: IncomingMessage): AsyncIterable<Buffer> {
  const encoding = request.headers['content-encoding']?.toLowerCase() ?? 'identity'
  if (encoding === 'identity' || encoding === '') return sent(request)
  if (encoding === 'gzip' || encoding === 'x-gzip') return inflated(request, createGunzip())
  if (encoding === 'deflate') return inflated(request, createInflate())
  throw new Fault('UNSUPPORTED_MEDIA', {
    why: `content-encoding "${encoding}" is not known; send gzip, deflate or none`,
  })
}

/** Who stops reading early means to answer: the connection stays, and the rest of the body goes nowhere. */
async function* sent(request: IncomingMessage): AsyncGenerator<Buffer> {
  try {
    yield* request.iterator({ destroyOnReturn: false })
  } finally {
    request.resume()
  }
}

async function* inflated(
  request: IncomingMessage,
  decoder: ReturnType<typeof createGunzip> | ReturnType<typeof createInflate>,
): AsyncGenerator<Buffer> {
  pipeline(sent(request), decoder, () => undefined) // an error ends the iteration below
  try {
    yield* decoder
  } catch (error) {
    throw new Fault('BAD_REQUEST', { why: 'the compressed body is broken' }, { cause: error })
  }
}

/** The whole body, at most `limit` bytes after decoding. TOO_LARGE. */
export async function readBody(request: IncomingMessage, limit: number): Promise<Buffer> {
  const gathered = new Gathered()
  for await (const chunk of decodedBody(request)) {
    if (gathered.size + chunk.length > limit)
      throw new Fault('TOO_LARGE', { what: 'The request body', limit })
    gathered.add(chunk)
  }
  return gathered.bytes()
}

/** Bytes that come in pieces. They are copied: who sends one at a time would have us keep an object, and what it was read into, for each. */
export class Gathered {
  #all = Buffer.alloc(0)
  #size = 0

  get size(): number {
    return this.#size
  }

  add(piece: Uint8Array): void {
    const size = this.#size + piece.length
    if (size > this.#all.length) {
      const room = Buffer.allocUnsafeSlow(Math.max(size, 2 * this.#all.length))
      this.#all.copy(room, 0, 0, this.#size)
      this.#all = room
    }
    this.#all.set(piece, this.#size)
    this.#size = size
  }

  /** All of them; good until the next is added. */
  bytes(): Buffer {
    return this.#all.subarray(0, this.#size)
  }
}

const [QUOTE, BACKSLASH, COMMA, OPEN_BRACE, OPEN_BRACKET] = [0x22, 0x5c, 0x2c, 0x7b, 0x5b]
/** Parsing a value costs far more time and memory than its byte or two; the largest real documents have some 100,000. */
const MAX_VALUES = 1_000_000

/** BAD_REQUEST for JSON with more values than anybody has to say. */
export function mustBeFewValues(count: number): void {
  if (count > MAX_VALUES)
    throw new Fault('BAD_REQUEST', { why: `the body has more than ${MAX_VALUES} values` })
}

/** Whether a byte outside strings begins a value, near enough: each comma does, and each object and array. */
export function beginsValue(byte: number | undefined): boolean {
  return byte === COMMA || byte === OPEN_BRACE || byte === OPEN_BRACKET
}

function valuesIn(json: Buffer): number {
  let [count, isInString] = [0, false]
  for (let at = 0; at < json.length; at++) {
    const byte = json[at]
    if (byte === QUOTE) isInString = !isInString
    else if (isInString) at += byte === BACKSLASH ? 1 : 0
    else if (beginsValue(byte)) count += 1
  }
  return count
}

/** Any JSON value: npm sends bare strings too. An empty body is undefined. BAD_REQUEST when it is not JSON. */
export async function readJson(request: IncomingMessage, limit: number): Promise<Json | undefined> {
  const bytes = await readBody(request, limit)
  if (bytes.length === 0) return undefined
  if (bytes.length > MAX_VALUES) mustBeFewValues(valuesIn(bytes))
  try {
    // Parsed JSON is Json by definition.
    return JSON.parse(bytes.toString()) as Json
  } catch (error) {
    throw new Fault('BAD_REQUEST', { why: 'the body is not JSON' }, { cause: error })
  }
}

/** A JSON object, or BAD_REQUEST. */
export async function readObject(request: IncomingMessage, limit: number): Promise<JsonObject> {
  return objectOf(await readJson(request, limit)) ?? fault('the body must be a JSON object')
}

export function objectOf(value: Json | undefined): JsonObject | undefined {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined
}

export function textOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function fault(why: string): never {
  throw new Fault('BAD_REQUEST', { why })
}
