import { remembering } from '../../base/memo.ts'
import { ENCODINGS, type Encoding, type Form } from './packument.ts'

const SHORT = 'application/vnd.npm.install-v1+json'

/**
 * The abbreviated form if and only if the header names its media type and does not prefer plain JSON: no header, `*\/*` and
 * `application/json` mean the full form (npm asks for it even at install).
 */
export const formWanted = remembering((accept: string): Form => {
  if (!accept.includes(SHORT)) return 'full'
  const short = quality(accept, SHORT)
  return short > 0 && short >= quality(accept, 'application/json') ? 'short' : 'full'
})

/**
 * The smallest encoding that is named and not refused, so that of two clients' usual headers (`gzip, deflate`; `gzip, deflate, br, zstd`) each
 * always gets the same bytes; a malformed header is no error (bun sends `gzip/deflate`).
 */
export const encodingWanted = remembering(
  (acceptEncoding: string): Encoding =>
    ENCODINGS.find((encoding) => quality(acceptEncoding, encoding) > 0) ?? 'identity',
)

/** The q value of one item of an Accept header; 0 when it is not named. */
function quality(header: string, item: string): number {
  for (const part of header.split(',')) {
    const [name, ...parameters] = part.split(';').map((piece) => piece.trim().toLowerCase())
    if (name !== item) continue
    const q = parameters.find((parameter) => parameter.startsWith('q='))
    const value = q === undefined ? 1 : Number(q.slice(2))
    return Number.isFinite(value) ? value : 0
  }
  return 0
}
