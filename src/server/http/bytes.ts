import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import type { ByteRange } from '../../registry/contents.ts'
import { type Answer, isCurrent } from './answer.ts'
import { parseRange } from './range.ts'

/** Bytes addressed by their hash, which never change. */
export type StoredBytes = {
  readonly digest: string
  readonly size: number
  readonly access: 'public' | 'restricted'
  /** What one kind of bytes sends beside what all do. */
  readonly headers?: Readonly<Record<string, string>>
  open(range: ByteRange): Promise<Readable>
  /** The whole, from memory where it is at hand. */
  whole(): NonNullable<Answer['body']> | Promise<NonNullable<Answer['body']>>
}

/** 200, 206, 304 or 416 for stored bytes, to be kept for ever by whoever may have them. */
export async function bytesAnswer(request: IncomingMessage, bytes: StoredBytes): Promise<Answer> {
  const { digest, size, access } = bytes
  const etag = `"${digest}"`
  const headers = {
    'content-type': 'application/octet-stream',
    'cache-control': `${access === 'public' ? 'public' : 'private'}, max-age=31536000, immutable`,
    'accept-ranges': 'bytes',
    ...bytes.headers,
    etag,
  }
  if (isCurrent(request, etag)) return { status: 304, headers }
  const range = parseRange(request, { size, etag })
  if (range === 'unsatisfiable')
    return { status: 416, headers: { ...headers, 'content-range': `bytes */${size}` } }
  if (!range)
    return { status: 200, headers: { ...headers, 'content-length': size }, body: await bytes.whole() }
  const part = { 'content-range': `bytes ${range.start}-${range.end}/${size}` }
  const length = { 'content-length': range.end - range.start + 1 }
  return { status: 206, headers: { ...headers, ...part, ...length }, body: () => bytes.open(range) }
}
