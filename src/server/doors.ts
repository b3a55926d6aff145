import type { IncomingHttpHeaders } from 'node:http'
import { isPackageManager, wantsPage } from './http/request.ts'

export type Door = 'npm' | 'entropic' | 'web'

/** Where the npm door stands alone, so that no name can be taken for a route of ours. */
export const NPM_PREFIX = '/npm'

type Row = { readonly door: Door; readonly because: string }

/**
 * First path segments that are routes of ours and legal npm names at once. A package manager asking for one gets the package, anybody
 * else the route; each row says what the route is for.
 */
const AMBIGUOUS: ReadonlyMap<string, Row> = new Map(
  Object.entries<Row>({
    ping: { door: 'entropic', because: '`ds ping` and health checks ask GET /ping' },
    v1: { door: 'entropic', because: 'the whole Entropic API stands under /v1' },
    packages: { door: 'entropic', because: 'the original README documents /packages/package/… without /v1' },
    objects: { door: 'entropic', because: 'the same: /objects/object/…' },
    auth: { door: 'entropic', because: 'the same: /auth/whoami' },
    namespaces: { door: 'entropic', because: 'members and maintainerships, without /v1' },
    changes: { door: 'entropic', because: 'the feed, without /v1' },
    'openapi.json': { door: 'entropic', because: 'where tools look for the description of an API' },
    users: { door: 'entropic', because: 'memberships, without /v1' },
    'favicon.ico': { door: 'web', because: 'browsers ask for it unasked' },
    www: { door: 'web', because: 'the original’s website: /www/login and its kin' },
  }),
)

/** The door a request goes through, and the path it sees there. `path` is raw, without the query. */
export function doorOf(path: string, headers: IncomingHttpHeaders): { door: Door; path: string } {
  if (path === NPM_PREFIX && !isPackageManager(headers)) return { door: 'npm', path: '/' }
  if (path.startsWith(`${NPM_PREFIX}/`) && !isOfNpmItself(path))
    return { door: 'npm', path: path.slice(NPM_PREFIX.length) }
  if (path === '/') return { door: 'web', path }
  const slash = path.indexOf('/', 1)
  const row = AMBIGUOUS.get(slash < 0 ? path.slice(1) : path.slice(1, slash))
  if (!row) return { door: isPackagePage(path, headers) ? 'web' : 'npm', path }
  // `/ping/-/ping-1.0.0.tgz` can only be a tarball, whoever asks.
  if (slash > 0 && path.startsWith('/-/', slash)) return { door: 'npm', path }
  return { door: isPackageManager(headers) ? 'npm' : row.door, path }
}

/** Somebody typed a package's name behind our address: `/left-pad`, `/@kim/box`. */
function isPackagePage(path: string, headers: IncomingHttpHeaders): boolean {
  return wantsPage(headers) && !isPackageManager(headers) && /^\/(?!-\/|-$)(?:@[^/]+\/)?@?[^/@]+$/.test(path)
}

/**
 * The package npm, mirrored at the root: `/npm/-/npm-11.0.0.tgz`, where under `/npm/` a lone `-` begins a service path, and `/npm/11.0.0`, which
 * Corepack asks for; a package of such a name is to be had at the root.
 */
function isOfNpmItself(path: string): boolean {
  return /^\/npm\/(?:-\/npm-[^/]+\.tgz|\d+\.\d+\.\d+[^/]*)$/.test(path)
}
