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

/** A connection that was refused because of where it would have led. */
export class ForbiddenHost extends Error {}

/**
 * Keeps an upstream from sending us to machines that only we can reach. Its own address is the operator's choice, and so are those named for
 * it. Others must be on the public internet, and an upstream that is not itself on it may send us to none.
 */
export class HostGuard {
  readonly #own: string | undefined
  /** Hosts with their ports. */
  readonly #chosen: ReadonlySet<string>
  #ownIsPrivate: Promise<boolean> | undefined

  /**
   * @param own the upstream's address; absent: no private address at all
   * @param named further addresses that it may send us to
   */
  constructor(own?: URL, named: readonly URL[] = []) {
    this.#own = own && bare(own.hostname)
    this.#chosen = new Set([...(own ? [own] : []), ...named].map(({ host }) => host))
  }

  /** Whether the operator chose this address, so that it may be asked wherever it is. */
  hasChosen({ host }: Pick<URL, 'host'>): boolean {
    return this.#chosen.has(host)
  }

  /** For connecting to what nobody chose: judges the very addresses that are then connected to, so that a second look-up cannot bring others. */
  readonly lookup: LookupFunction = (hostname, options, callback) => {
    lookUp(hostname, options, (error, found, family) => {
      if (error) return callback(error, found, family)
      const addresses = typeof found === 'string' ? [found] : found.map(({ address }) => address)
      callback(addresses.some(isPrivateAddress) ? privateHost(hostname) : null, found, family)
    })
  }

  /** Judges an address before anything is asked there; names but localhost's are judged when they are looked up. Throws ForbiddenHost. */
  async check(url: Pick<URL, 'host' | 'hostname'>): Promise<void> {
    if (this.hasChosen(url)) return
    this.#ownIsPrivate ??= isPrivateHost(this.#own)
    if (await this.#ownIsPrivate)
      throw new ForbiddenHost(
        `"${url.host}" is not its own address, nor among the "tarballs" of its row in UPSTREAMS`,
      )
    const host = bare(url.hostname)
    if (isThisMachine(host) || (isIP(host) && isPrivateAddress(host))) throw privateHost(host)
  }
}

function privateHost(host: string): ForbiddenHost {
  return new ForbiddenHost(`"${host}" is an address of a private network, where this must not lead`)
}

async function isPrivateHost(host: string | undefined): Promise<boolean> {
  if (host === undefined) return false
  const addresses = await lookup(host, { all: true }).catch(() => [])
  return addresses.some(({ address }) => isPrivateAddress(address))
}

/** Names that need no looking up (RFC 6761 §6.3). */
function isThisMachine(host: string): boolean {
  return /(?:^|\.)localhost\.?$/i.test(host)
}

/** URLs write IPv6 addresses in brackets. */
function bare(hostname: string): string {
  return hostname.replace(/^\[|\]$/g, '')
}
