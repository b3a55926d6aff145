import { usage } from '../failure.ts'
import { isLoopback, isOwnAddress } from './address.ts'
import { webAddress } from './kinds.ts'
import type { Config } from './options.ts'

/**
 * The registry to mirror, for the server that listens on `port`; undefined for none. People point npm at us, so npm's own
 * configuration may lead back here, or to a server that ran on another port before: an address of this very machine is passed over for
 * npm's default. Throws a Failure when UPSTREAM itself leads back here.
 */
export async function upstreamAddress(
  config: Pick<Config, 'upstream' | 'host' | 'externalHost'>,
  port: number,
): Promise<string | undefined> {
  if (config.upstream === 'none') return undefined
  const isOurs = (address: string) => isOwnAddress(address, { ...config, port })
  if (config.upstream !== 'npm') {
    if (!isOurs(config.upstream)) return config.upstream
    throw usage(`UPSTREAM is "${config.upstream}", which is this server itself; allowed: another registry.`)
  }
  // Read here alone, so that nobody else waits for it.
  const { default: npmConf } = await import('@pnpm/npm-conf')
  const candidates = [npmConf().config.get('registry'), npmConf.defaults.registry]
  return candidates
    .map((it) => (typeof it === 'string' ? webAddress.read(it, '') : undefined))
    .find((address) => address !== undefined && !isOurs(address) && !isLoopback(new URL(address).hostname))
}
