import { NETWORK_MODES } from '../../registry/network.ts'
import { upstreamAddress } from '../config/upstream.ts'
import type { Config } from '../config.ts'
import { usage } from '../failure.ts'
import { withRegistry } from '../open.ts'
import type { Call } from './command.ts'

/** Shows the network mode, or changes it; a running server follows at once. */
export async function mode({ names: [asked], flags, settings: { config } }: Call): Promise<number> {
  const wanted = NETWORK_MODES.find((it) => it === asked)
  if (asked !== undefined && wanted === undefined)
    throw usage(`"${asked}" is no network mode; allowed: ${NETWORK_MODES.join(', ')}.`)
  if (wanted !== undefined && config.offline)
    throw usage('OFFLINE is set, and stands above every mode. Take it away to change the mode.')
  const upstream = flags.upstream === undefined ? undefined : await upstreamNamed(flags.upstream, config)
  const current = await withRegistry(config, async ({ network }) => {
    if (wanted !== undefined) await network.change(wanted, upstream)
    return network.mode(upstream)
  })
  process.stdout.write(`${current}\n`)
  return 0
}

/** Its address as it is known here. Throws a Failure for one that is not asked. */
async function upstreamNamed(address: string, config: Config): Promise<string> {
  const rest = await upstreamAddress(config, config.port)
  const all = [...config.upstreams.map(({ url }) => url), ...(rest === undefined ? [] : [rest])]
  const known = [...new Set(all)].filter((url) => url !== 'none')
  const found = known.find((url) => url === address.replace(/\/+$/, ''))
  if (found !== undefined) return found
  throw usage(
    `"${address}" is no upstream of this registry; ${known.length === 0 ? 'there is none' : `allowed: ${known.join(', ')}`}.`,
  )
}
