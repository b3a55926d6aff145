import type { Registry } from '../../registry/registry.ts'
import type { Config } from '../config.ts'
import { Failure } from '../failure.ts'
import { cacheBoundsOf, withServedRegistry } from '../open.ts'
import { sizeOf } from './columns.ts'
import type { Call } from './command.ts'

export async function gc({ flags, settings: { config } }: Call): Promise<number> {
  const dryRun = 'dry-run' in flags
  const lines = await withServedRegistry(config, (registry) =>
    dryRun
      ? clearAway(config, registry, 'dry run')
      : registry.chores.alone(({ signal }) => clearAway(config, registry, signal)),
  )
  if (!lines) throw new Failure('A server is doing the upkeep at this moment. Try again in a minute.')
  process.stdout.write(`${lines.join('\n')}\n`)
  return 0
}

async function clearAway(
  config: Config,
  registry: Registry,
  manner: 'dry run' | AbortSignal,
): Promise<string[]> {
  const dryRun = manner === 'dry run'
  const evicted = await evict(config, registry, dryRun ? 'dry run' : 'in earnest')
  const { blobs, bytes } = await registry.upkeep.collectGarbage(dryRun ? { dryRun } : { signal: manner })
  const what = `${blobs} ${blobs === 1 ? 'file' : 'files'} that nothing refers to (${sizeOf(bytes)})`
  const saved = await registry.upkeep.savedBytes()
  return [
    ...evicted,
    `${dryRun ? 'Would delete' : 'Deleted'} ${what}.`,
    ...(saved > 0 ? [`Files that several versions hold are stored once, which saves ${sizeOf(saved)}.`] : []),
  ]
}

/** What cannot be fetched again stays, whatever room it takes. */
async function evict(
  config: Config,
  { cache, network }: Registry,
  manner: 'dry run' | 'in earnest',
): Promise<string[]> {
  if (config.cacheBudget === undefined && config.cacheAge === undefined) return []
  if (await network.isOffline()) return ['Mirrored tarballs stay: the registry is offline.']
  const bounds = cacheBoundsOf(config)
  if (!bounds) return ['Mirrored tarballs stay: there is no upstream.']
  const dryRun = manner === 'dry run'
  const evicted = await cache.evict(bounds, { dryRun })
  const what = `${evicted.versions} mirrored ${evicted.versions === 1 ? 'tarball' : 'tarballs'} (${sizeOf(evicted.bytes)})`
  return [`${dryRun ? 'Would forget' : 'Forgot'} ${what}.`]
}
