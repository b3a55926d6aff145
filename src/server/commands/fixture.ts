import type { Settings } from '../config.ts'
import { type FixtureRegistry, startRegistry } from '../fixture.ts'
import { runCommand, untilAbandoned } from '../process-child.ts'
import type { Call } from './command.ts'

/** Runs a throw-away registry: around a command when one is named, else until it is told to end or its parent has ended. */
export async function fixture({ names, flags, settings }: Call): Promise<number> {
  const abandoned = untilAbandoned()
  await using registry = await startRegistry({
    upstream: upstreamOf(settings),
    ...(flags.user !== undefined && { user: flags.user }),
  })
  if (flags.seed !== undefined) await registry.publish(flags.seed)
  if (names.length > 0) return await runCommand(names, registry.environment, abandoned)
  process.stdout.write('json' in flags ? `${JSON.stringify(factsOf(registry))}\n` : welcome(registry))
  await abandoned
  return 0
}

/** A test mirrors nothing unless it says so. */
function upstreamOf({ config, list }: Settings): string {
  const isGiven = list.some(({ env, origin }) => env === 'UPSTREAM' && origin !== 'default')
  return isGiven ? config.upstream : 'none'
}

function factsOf({ url, token, npmrc }: FixtureRegistry): object {
  return { url, token, npmrc, pid: process.pid }
}

function welcome({ url, npmrc }: FixtureRegistry): string {
  return `entropic is listening on ${url}

${npmrc}
Gone, with all it holds, when this process or the one that started it ends.
`
}
