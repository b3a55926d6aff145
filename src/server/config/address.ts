import { isIPv6 } from 'node:net'
import { hostname, networkInterfaces } from 'node:os'

const WILDCARDS = new Set(['0.0.0.0', '::', '::0'])

/** Tells whether only this machine can reach `host`. */
export function isLoopback(host: string): boolean {
  const bare = bareOf(host)
  return (
    bare === 'localhost' || bare.endsWith('.localhost') || /^127(?:\.\d+){3}$/.test(bare) || bare === '::1'
  )
}

/** `http://host:port`. */
export function httpAddress(host: string, port: number): string {
  return `http://${isIPv6(host) ? `[${host}]` : host}:${port}`
}

/** Where people reach us: the configured public address, else the one we listen on. Without trailing slash. */
export function ownAddress(config: { host: string; externalHost: string | undefined }, port: number): string {
  return config.externalHost ?? httpAddress(WILDCARDS.has(config.host) ? 'localhost' : config.host, port)
}

/** Tells whether `address` leads back to the server that listens on `port`, by any name this machine goes by. */
export function isOwnAddress(
  address: string,
  { host, externalHost, port }: { host: string; externalHost: string | undefined; port: number },
): boolean {
  const url = new URL(address)
  if (externalHost !== undefined && isBelow(url, new URL(externalHost))) return true
  if (portOf(url) !== port) return false
  const target = bareOf(url.hostname)
  return isLoopback(target) || WILDCARDS.has(target) || target === bareOf(host) || isThisMachine(target)
}

/** One host may have a registry at each of several paths. */
function isBelow(url: URL, base: URL): boolean {
  const withSlash = ({ pathname }: URL) => `${pathname}/`.replace(/\/+$/, '/')
  return url.host === base.host && withSlash(url).startsWith(withSlash(base))
}

function isThisMachine(host: string): boolean {
  const own = Object.values(networkInterfaces()).flatMap((cards) => cards?.map((card) => card.address) ?? [])
  return host === hostname().toLowerCase() || own.includes(host)
}

function portOf(url: URL): number {
  return Number(url.port || (url.protocol === 'https:' ? 443 : 80))
}

const bareOf = (host: string) => host.toLowerCase().replace(/^\[(.*)\]$/, '$1')
