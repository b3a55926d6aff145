import { fromNpmName } from '../../base/name.ts'
import { ANONYMOUS } from '../../registry/model.ts'
import { splitSpec } from '../../registry/wishes.ts'
import { usage } from '../failure.ts'
import { withMirroringRegistry } from '../open.ts'
import type { Call } from './command.ts'

/** Exit code 1 when the version is withheld. */
export async function explain({ names: [spec = ''], settings: { config } }: Call): Promise<number> {
  const { name, range: version } = splitSpec(spec)
  if (version === '') throw usage(`"${spec}" names no version; write ${spec}@1.0.0.`)
  const { allowed, why } = await withMirroringRegistry(config, async ({ packages, contents }) => {
    const parsed = fromNpmName(name)
    const head = (await packages.findOwn(parsed)) ?? (await packages.head(async () => ANONYMOUS, parsed))
    return contents.verdict(head, version)
  })
  process.stdout.write(`${spec} is ${allowed ? 'allowed' : 'withheld'}: ${why}\n`)
  return allowed ? 0 : 1
}
