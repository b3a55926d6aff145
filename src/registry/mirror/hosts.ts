import { lookup as lookUp } from 'node:dns'
import { lookup } from 'node:dns/promises'
import { BlockList, isIP, type LookupFunction } from 'node:net'

/** Networks that are nobody's on the public internet: this machine, the house, the carrier, documentation (RFC 6890). */
const PRIVATE_NETWORKS = [
  ['0.0.0.0', 8, 'ipv4'],
  ['10.0.0.0', 8, 'ipv4'],
  ['100.64.0.0', 10, 'ipv4'],
  ['127.0.0.0', 8, 'ipv4'],
  ['169.254.0.0', 16, 'ipv4'],
  ['172.16.0.0', 12, 'ipv4'],
  ['192.0.0.0', 24, 'ipv4'],
  ['192.0.2.0', 24, 'ipv4'],
  ['192.168.0.0', 16, 'ipv4'],
  ['198.18.0.0', 15, 'ipv4'],
  ['198.51.100.0', 24, 'ipv4'],
  ['203.0.113.0', 24, 'ipv4'],
  ['224.0.0.0', 3, 'ipv4'],
  ['::', 127, 'ipv6'],
  ['64:ff9b::', 96, 'ipv6'],
  ['100::', 64, 'ipv6'],
  ['2001:db8::', 32, 'ipv6'],
  ['2002::', 16, 'ipv6'],
  ['fc00::', 7, 'ipv6'],
  ['fe80::', 10, 'ipv6'],
  ['ff00::', 8, 'ipv6'],
] as const

const privateNetworks = new BlockList()
for (const [address, prefix, family] of PRIVATE_NETWORKS) privateNetworks.addSubnet(address, prefix, family)

/** Tells whether an IP address (v4 written as v6 too) is not one of the public internet. */
export function isPrivateAddress(address: string): boolean {
  return privateNetworks.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

/** A connection that was refused because it would have led into the operator's own network. */
export class PrivateAddress extends Error {
  constructor(host: string) {
    super(`"${host}" is an address of a private network, where this must not lead`)
  }
}

/**
 * Keeps an upstream from sending us to machines that only we can reach. Its own host is the operator's choice; other hosts must be on
 * the public internet, unless the upstream itself is not.
 */
export class HostGuard {
  readonly #own: string | undefined
  #ownIsPrivate: Promise<boolean> | undefined

  /** @param own the upstream's host name, as in URL.hostname; absent: no private address at all */
  constructor(own?: string) {
    this.#own = own === undefined ? undefined : bare(own)
  }

  /** For connecting: judges the very addresses that are then connected to, so that a second look-up cannot bring others. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    lookUp(hostname, options, (error, found, family) => {
      if (error) return callback(error, found, family)
      const addresses = typeof found === 'string' ? [found] : found.map(({ address }) => address)
      this.#check(hostname, addresses).then(
        () => callback(null, found, family),
        (refused: Error) => callback(refused, found, family),
      )
    })
  }

  /** Names are judged when they are looked up; this judges a host that is an address. Throws PrivateAddress. */
  async checkAddress(hostname: string): Promise<void> {
    const host = bare(hostname)
    if (isIP(host)) await this.#check(host, [host])
  }

  async #check(host: string, addresses: readonly string[]): Promise<void> {
    if (host === this.#own || !addresses.some(isPrivateAddress)) return
    if (this.#own === undefined) throw new PrivateAddress(host)
    this.#ownIsPrivate ??= isPrivateHost(this.#own)
    if (!(await this.#ownIsPrivate)) throw new PrivateAddress(host)
  }
}

async function isPrivateHost(host: string): Promise<boolean> {
  const addresses = await lookup(host, { all: true }).catch(() => [])
  return addresses.some(({ address }) => isPrivateAddress(address))
}

/** URLs write IPv6 addresses in brackets. */
function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '')
}
