import type { Registry } from '../../registry/registry.ts'
import type { Config } from '../config.ts'
import { withRegistry } from '../open.ts'
import { sizeOf } from './columns.ts'
import type { Call } from './command.ts'

export async function gc({ flags, settings: { config } }: Call): Promise<number> {
  const dryRun = 'dry-run' in flags
  const lines = await withRegistry(config, async (registry) => {
    const evicted = await evict(config, registry, dryRun ? 'dry run' : 'in earnest')
    const { blobs, bytes } = await registry.upkeep.collectGarbage({ dryRun })
    const what = `${blobs} ${blobs === 1 ? 'file' : 'files'} that nothing refers to (${sizeOf(bytes)})`
    return [...evicted, `${dryRun ? 'Would delete' : 'Deleted'} ${what}.`]
  })
  process.stdout.write(`${lines.join('\n')}\n`)
  return 0
}

/** What cannot be fetched again stays, whatever room it takes. */
async function evict(
  { cacheBudget: bytes, cacheAge: age, upstream, upstreams }: Config,
  { cache, network }: Registry,
  manner: 'dry run' | 'in earnest',
): Promise<string[]> {
  if (bytes === undefined && age === undefined) return []
  if (await network.isOffline()) return ['Mirrored tarballs stay: the registry is offline.']
  if (upstream === 'none' && upstreams.length === 0) return ['Mirrored tarballs stay: there is no upstream.']
  const dryRun = manner === 'dry run'
  const bounds = { ...(bytes !== undefined && { bytes }), ...(age !== undefined && { age }) }
  const evicted = await cache.evict(bounds, { dryRun })
  const what = `${evicted.versions} mirrored ${evicted.versions === 1 ? 'tarball' : 'tarballs'} (${sizeOf(evicted.bytes)})`
  return [`${dryRun ? 'Would forget' : 'Forgot'} ${what}.`]
}
