import type { IncomingHttpHeaders } from 'node:http'
import { isPackageManager, splitUrl, wantsPage } from './http/request.ts'

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
  const alone = below(NPM_PREFIX, path, headers)
  if (alone !== undefined) return { door: 'npm', path: alone }
  if (path === '/') return { door: 'web', path }
  const slash = path.indexOf('/', 1)
  const row = AMBIGUOUS.get(slash < 0 ? path.slice(1) : path.slice(1, slash))
  if (!row) return { door: isPackagePage(path, headers) ? 'web' : 'npm', path }
  // `/ping/-/ping-1.0.0.tgz` can only be a tarball, whoever asks.
  if (slash > 0 && path.startsWith('/-/', slash)) return { door: 'npm', path }
  return { door: isPackageManager(headers) ? 'npm' : row.door, path }
}

/** The name that stands alone in a path where a route of ours is in its way: who is no package manager gets the route. */
export function hiddenName(path: string, headers: IncomingHttpHeaders): string | undefined {
  const name = path.slice(1)
  return !isPackageManager(headers) && (isRoute(name) || path === NPM_PREFIX) ? name : undefined
}

/** Whether a path that begins with this segment may be one of ours, whatever packages there are. */
export function isRoute(segment: string): boolean {
  return AMBIGUOUS.has(segment)
}

/** The target of a request as it is without the path of the public address, which a proxy may have left on. */
export function withoutBase(base: string, target: string, headers: IncomingHttpHeaders): string {
  const { path, query } = splitUrl(target)
  const rest = below(base, path, headers)
  return rest === undefined ? target : rest + query
}

/** Somebody typed a package's name behind our address: `/left-pad`, `/@kim/box`. */
function isPackagePage(path: string, headers: IncomingHttpHeaders): boolean {
  return wantsPage(headers) && !isPackageManager(headers) && /^\/(?!-\/|-$)(?:@[^/]+\/)?@?[^/@]+$/.test(path)
}

/** What is a package's, behind its name: a version's document, which Corepack asks for, and a revision. */
const OF_PACKAGE = /^\/(?:\d+\.\d+\.\d+[^/]*$|-rev\/)/

/**
 * What of a path lies below `prefix`. A package may have the same name: what a package manager asks by the bare name, and the package's
 * versions, revisions and tarballs (`/npm/-/npm-11.0.0.tgz`), are the package's and lie below nothing.
 */
function below(prefix: string, path: string, headers: IncomingHttpHeaders): string | undefined {
  if (!path.startsWith(prefix)) return undefined
  const rest = path.slice(prefix.length)
  if (rest === '') return isPackageManager(headers) ? undefined : '/'
  const isOfPackage = OF_PACKAGE.test(rest) || rest.startsWith(`/-${prefix}-`)
  return rest.startsWith('/') && !isOfPackage ? rest : undefined
}
