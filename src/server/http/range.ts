import type { IncomingMessage } from 'node:http'
import type { ByteRange } from '../../registry/contents.ts'

/**
 * The one range a request asks for (RFC 9110 §14). undefined: send everything, as for several ranges, another unit, or an If-Range
 * that names other bytes.
 */
export function parseRange(
  request: IncomingMessage,
  { size, etag }: { size: number; etag: string },
): ByteRange | 'unsatisfiable' | undefined {
  const match = /^bytes=(\d*)-(\d*)$/.exec(request.headers.range ?? '')
  const ifRange = request.headers['if-range']
  if (!match || (ifRange !== undefined && ifRange !== etag)) return undefined
  const [, first = '', last = ''] = match
  if (first === '' && last === '') return undefined
  if (first === '')
    return Number(last) === 0 || size === 0
      ? 'unsatisfiable'
      : { start: Math.max(0, size - Number(last)), end: size - 1 }
  const start = Number(first)
  const end = last === '' ? size - 1 : Math.min(Number(last), size - 1)
  if (start >= size) return 'unsatisfiable'
  return start > end ? undefined : { start, end }
}
