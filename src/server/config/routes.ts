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
    if (whyNoRoutes(json, cwd) !== undefined) return undefined
    return (JSON.parse(json) as object[]).map((row) => routeOf(row, cwd)) // nothing is wrong with it
  },
  why: whyNoRoutes,
}

/** What is wrong with a table, without the values that stand in it: there are tokens among them. */
function whyNoRoutes(json: string, cwd: string): string | undefined {
  try {
    const rows: unknown = JSON.parse(json)
    if (!Array.isArray(rows)) return 'it is no list'
    const wrong = rows.map((row, at) => ({ at: at + 1, mistakes: mistakesIn(row, cwd) }))
    const told = wrong.filter(({ mistakes }) => mistakes.length > 0)
    return told.length === 0
      ? undefined
      : told.map(({ at, mistakes }) => `row ${at} ${mistakes.join(', and ')}`).join('; ')
  } catch {
    return 'it is no JSON'
  }
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

const NEEDED = ['match', 'url'] as const

function mistakesIn(row: unknown, cwd: string): string[] {
  if (typeof row !== 'object' || row === null || Array.isArray(row)) return ['is no object']
  const missing = NEEDED.filter((name) => !Object.hasOwn(row, name)).map((name) => `has no ${name}`)
  const wrong = Object.entries(row).flatMap(([name, value]) => {
    if (!isPart(name)) return `${JSON.stringify(name)} is unknown`
    return readPart(name, value, cwd) === undefined ? `its ${name} must be ${parts[name].allowed}` : []
  })
  return [...missing, ...wrong]
}

function isPart(name: string): name is keyof RouteConfig {
  return Object.hasOwn(parts, name)
}

/** Of a row without mistakes. */
function routeOf(row: object, cwd: string): RouteConfig {
  const read = Object.entries(row).map(([name, value]) => [name, isPart(name) && readPart(name, value, cwd)])
  return Object.fromEntries(read)
}

function readPart(name: keyof RouteConfig, value: unknown, cwd: string): unknown {
  const written = writtenOf(value)
  return written === '' ? undefined : parts[name].read(written, cwd)
}

/** As an option would have it: a list of texts has commas between them. What no option can be is ''. */
function writtenOf(value: unknown): string {
  if (Array.isArray(value)) return value.every((it) => typeof it === 'string') ? value.join() : ''
  return typeof value === 'string' || typeof value === 'number' ? String(value) : ''
}
