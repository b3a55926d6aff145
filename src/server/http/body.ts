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
  const chunks: Buffer[] = []
  let size = 0
  for await (const chunk of decodedBody(request)) {
    size += chunk.length
    if (size > limit) throw new Fault('TOO_LARGE', { what: 'The request body', limit })
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** Any JSON value: npm sends bare strings too. An empty body is undefined. BAD_REQUEST when it is not JSON. */
export async function readJson(request: IncomingMessage, limit: number): Promise<Json | undefined> {
  const bytes = await readBody(request, limit)
  if (bytes.length === 0) return undefined
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
