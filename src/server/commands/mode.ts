import { NETWORK_MODES } from '../../registry/network.ts'
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
  const current = await withRegistry(config, async ({ network }) => {
    if (wanted !== undefined) await network.change(wanted, flags.upstream)
    return network.mode(flags.upstream)
  })
  process.stdout.write(`${current}\n`)
  return 0
}
