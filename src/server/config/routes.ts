import { type Kind, webAddress } from './kinds.ts'

/** Where packages whose names match come from; `none`: nowhere but here. */
export type RouteConfig = {
  readonly match: string
  readonly url: string | 'none'
  readonly token?: string
}

/** An ordered table, as JSON. The first row that matches counts. */
export const routeList: Kind<readonly RouteConfig[]> = {
  allowed:
    'JSON such as [{"match": "@acme/*", "url": "https://npm.acme.example", "token": "…"}]; url may be none',
  read(text, cwd) {
    try {
      const rows: unknown = JSON.parse(text)
      if (!Array.isArray(rows)) return undefined
      const routes = rows.map((row) => routeOf(row, cwd))
      return routes.every((route) => route !== undefined) ? routes : undefined
    } catch {
      return undefined
    }
  },
}

function routeOf(row: unknown, cwd: string): RouteConfig | undefined {
  if (typeof row !== 'object' || row === null) return undefined
  const { match, url, token, ...unknown } = row as Record<string, unknown> // each is looked at below
  if (typeof match !== 'string' || match === '' || typeof url !== 'string') return undefined
  if ((token !== undefined && typeof token !== 'string') || Object.keys(unknown).length > 0) return undefined
  const address = url === 'none' ? url : webAddress.read(url, cwd)
  return address === undefined ? undefined : { match, url: address, ...(token !== undefined && { token }) }
}
