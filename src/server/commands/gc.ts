import { withRegistry } from '../open.ts'
import { sizeOf } from './columns.ts'
import type { Call } from './command.ts'

export async function gc({ flags, settings }: Call): Promise<number> {
  const dryRun = 'dry-run' in flags
  const { blobs, bytes } = await withRegistry(settings.config, (registry) =>
    registry.upkeep.collectGarbage({ dryRun }),
  )
  const what = `${blobs} ${blobs === 1 ? 'file' : 'files'} that nothing refers to (${sizeOf(bytes)})`
  process.stdout.write(`${dryRun ? 'Would delete' : 'Deleted'} ${what}.\n`)
  return 0
}
