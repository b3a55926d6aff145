import { NETWORK_MODES, type NetworkMode } from '../../registry/network.ts'
import { duration, folder, type Kind, listOf, oneOf, text, webAddress, webAddressOr, whole } from './kinds.ts'

/** Where packages whose names match come from; `none`: nowhere but here. */
export type RouteConfig = {
  readonly match: string
  readonly url: string | 'none'
  readonly token?: string
  /** How long it may be silent. */
  readonly timeout?: number
  readonly retries?: number
  /** A file of further certificates to trust, PEM. */
  readonly ca?: string
  /** A proxy to ask through; `none` asks directly, whatever else is configured. */
  readonly proxy?: string
  /** Further addresses that its tarballs may come from. */
  readonly tarballs?: readonly string[]
  /** It is used no less strictly than this. */
  readonly mode?: NetworkMode
}

/** An ordered table, as JSON. The first row that matches counts. */
export const routeList: Kind<readonly RouteConfig[]> = {
  allowed:
    'JSON such as [{"match": "@acme/*", "url": "https://npm.acme.example", "token": "…"}]; url may be none; also timeout, retries, ca, proxy, tarballs, mode',
  read(json, cwd) {
    try {
      const rows: unknown = JSON.parse(json)
      if (!Array.isArray(rows)) return undefined
      const routes = rows.map((row) => routeOf(row, cwd))
      return routes.every((route) => route !== undefined) ? routes : undefined
    } catch {
      return undefined
    }
  },
}

/** What may stand in a row, and how it is read. */
const parts: { readonly [K in keyof Required<RouteConfig>]: Kind<NonNullable<RouteConfig[K]>> } = {
  match: text,
  url: webAddressOr(['none']),
  token: text,
  timeout: duration,
  retries: whole(0, 10),
  ca: folder,
  proxy: webAddressOr(['none']),
  tarballs: listOf(webAddress),
  mode: oneOf(NETWORK_MODES),
}

function routeOf(row: unknown, cwd: string): RouteConfig | undefined {
  if (typeof row !== 'object' || row === null) return undefined
  const read = Object.entries(row).map(([name, value]) => {
    const kind = Object.hasOwn(parts, name) ? parts[name as keyof RouteConfig] : undefined // it is one of them
    const written = writtenOf(value)
    return [name, written === '' ? undefined : kind?.read(written, cwd)] as const
  })
  if (read.some(([, value]) => value === undefined)) return undefined
  const route: Partial<RouteConfig> = Object.fromEntries(read)
  const { match, url } = route
  return match === undefined || url === undefined ? undefined : { ...route, match, url }
}

/** As an option would have it: a list of texts has commas between them. What no option can be is ''. */
function writtenOf(value: unknown): string {
  if (Array.isArray(value)) return value.every((it) => typeof it === 'string') ? value.join() : ''
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}
