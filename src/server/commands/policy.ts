import { explain as verdictOn } from '../../registry/verdicts.ts'
import { withServedRegistry } from '../open.ts'
import type { Call } from './command.ts'

/** Exit code 1 when the version is withheld. */
export async function explain({ names: [spec = ''], settings: { config } }: Call): Promise<number> {
  const { allowed, why } = await withServedRegistry(config, (registry) => verdictOn(registry, spec))
  process.stdout.write(`${spec} is ${allowed ? 'allowed' : 'withheld'}: ${why}\n`)
  return allowed ? 0 : 1
}
