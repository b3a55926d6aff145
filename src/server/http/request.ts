import { randomBytes } from 'node:crypto'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'

const BOOT = randomBytes(4).toString('hex')
let served = 0

/** The id that a reply carries as `x-request-id` and every log line about it: unique, and cheap enough for the hot path. */
export function requestId(): string {
  served += 1
  return `${BOOT}-${served.toString(36)}`
}

const CLIENTS = /^(?:npm|pnpm|yarn|bun|corepack|got|undici)\b/i

/**
 * Tells whether a package manager sent this, by what they are known to send: npm's own headers, the abbreviated packument's media type,
 * or their name (Yarn berry calls itself `got`, pnpm sometimes `undici`). `ds` is `node-fetch`.
 */
export function isPackageManager(headers: IncomingHttpHeaders): boolean {
  if (headers['npm-command'] !== undefined || headers['pacote-req-type'] !== undefined) return true
  if (headers.accept?.includes('application/vnd.npm.install-v1+json')) return true
  return CLIENTS.test(headers['user-agent'] ?? '')
}

/** Browsers ask for text/html in so many words; programs ask for JSON or for anything. */
export function wantsPage(headers: IncomingHttpHeaders): boolean {
  return headers.accept?.includes('text/html') ?? false
}

/** Browsers say so, or where a request comes from; what pages cannot keep them from saying is enough wherever something is changed. */
export function isFromBrowser(headers: IncomingHttpHeaders): boolean {
  const said = headers.origin ?? headers['sec-fetch-site'] ?? headers.cookie
  return said !== undefined || wantsPage(headers) || (headers['user-agent']?.startsWith('Mozilla/') ?? false)
}

/** The path as it was sent, undecoded, and the query with its `?` ('' when there is none). */
export function splitUrl(url: string): { path: string; query: string } {
  const mark = url.indexOf('?')
  return mark < 0 ? { path: url, query: '' } : { path: url.slice(0, mark), query: url.slice(mark) }
}

/** Header value as one text: Node joins repeated ones already, except set-cookie. */
export function headerOf(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return Array.isArray(value) ? value[0] : value
}
