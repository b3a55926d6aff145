import type { IncomingMessage } from 'node:http'
import { remembering } from '../../base/memo.ts'
import { isLoopback } from '../config/address.ts'
import { headerOf, isFromBrowser } from './request.ts'

export type AddressPolicy = {
  /** The configured public address, without trailing slash; undefined: the one each request came to. */
  readonly publicUrl: string | undefined
  /** Whether X-Forwarded-Host and -Proto are believed. */
  readonly trustProxy: boolean
  /** Whether only this machine reaches us, and by no name but its own. */
  readonly isLocal: boolean
  /** Answers when a request names no usable host. */
  readonly fallback: () => string
}

/** Of a host: DNS has no underscores, but container networks do; a dot at the end says that the name is whole. */
const HOST = /^(?:[a-z0-9_-]+(?:\.[a-z0-9_-]+)*\.?|\[[0-9a-f:.]+\])(?::\d{1,5})?$/i
/** The longest name of DNS, a dot and a port. */
const LONGEST_HOST = 253 + '.:65535'.length

/**
 * The address clients know us by, without trailing slash. npm 12 refuses tarballs of another origin than the one it asked, so
 * without a configured address the request's own Host counts.
 */
export function publicAddress(request: IncomingMessage, policy: AddressPolicy): string {
  if (policy.publicUrl !== undefined) return policy.publicUrl
  const forwarded = policy.trustProxy ? firstOf(headerOf(request, 'x-forwarded-host')) : undefined
  const host = forwarded ?? request.headers.host
  const address = plainAddress(host)
  if (address === '') return policy.fallback()
  const proto = policy.trustProxy ? firstOf(headerOf(request, 'x-forwarded-proto')) : undefined
  return proto?.toLowerCase() === 'https' ? address.replace('http', 'https') : address
}

/** The address of a host by HTTP, which is a URL; '' for what is no host. */
const plainAddress = remembering((host) => {
  const address = `http://${host.toLowerCase()}`
  return host.length <= LONGEST_HOST && HOST.test(host) && URL.canParse(address) ? address : ''
})

/** The path of the public address, '' where it has none: what stands before the path of everything of ours that a browser is sent to. */
export function basePathOf(publicUrl: string | undefined): string {
  return publicUrl === undefined ? '' : new URL(publicUrl).pathname.replace(/\/$/, '')
}

/**
 * Tells whether a browser was led here by a name that is not this machine's: a page elsewhere may have its own name point to us, and would then speak to
 * us as if it were ours. Programs may call us what they like.
 */
export function isMisled(request: IncomingMessage, { isLocal }: Pick<AddressPolicy, 'isLocal'>): boolean {
  const { host } = request.headers
  if (!isLocal || host === undefined || !isFromBrowser(request.headers)) return false
  const address = plainAddress(host)
  return address === '' || !isLoopback(new URL(address).hostname)
}

/** The client's own address: the one that came in, or, behind a proxy that is believed, the last one it wrote down. */
export function clientAddress(
  request: IncomingMessage,
  { trustProxy }: Pick<AddressPolicy, 'trustProxy'>,
): string {
  const forwarded = trustProxy ? headerOf(request, 'x-forwarded-for')?.split(',').at(-1)?.trim() : undefined
  return forwarded || (request.socket.remoteAddress ?? '')
}

/** Proxies in a row append with commas; the first is the one the client used. */
function firstOf(value: string | undefined): string | undefined {
  return value?.split(',', 1)[0]?.trim()
}
