import type { Dispatcher } from 'undici'
import type { Millis } from '../../base/time.ts'
import type { HostGuard } from './hosts.ts'

/** Addresses of proxies by the scheme of what is asked, and the hosts asked directly: `a.example,.b.example,*`. */
export type ProxyOptions = { readonly http?: string; readonly https?: string; readonly not?: string }

export type AgentOptions = {
  /** The longest silence: until connected, until the reply begins, between two pieces of it. */
  readonly timeout: Millis
  /** Connections at once; further requests queue. */
  readonly connections?: number
  /** Proxies to go through. */
  readonly proxy?: ProxyOptions
  /** Certificates to trust beside those of Node, PEM. */
  readonly ca?: string
}

/** Connections to an upstream; with a guard, to such addresses only as it lets through. undici is loaded here alone: a registry that mirrors nothing does without its memory. */
export async function openAgent(
  { connections = 24, timeout, proxy, ca }: AgentOptions,
  guard?: Pick<HostGuard, 'lookup'>,
): Promise<Dispatcher> {
  const undici = await import('undici')
  const trust = ca === undefined ? {} : { ca: [...(await import('node:tls')).rootCertificates, ca] }
  const connect = { timeout, ...(guard && { lookup: guard.lookup }), ...trust }
  const options = { connections, headersTimeout: timeout, bodyTimeout: timeout, connect }
  if (!proxy) return new undici.Agent(options)
  const { http: httpProxy = '', https: httpsProxy = '', not: noProxy = '' } = proxy
  return new undici.EnvHttpProxyAgent({ ...options, httpProxy, httpsProxy, noProxy, requestTls: trust })
}
