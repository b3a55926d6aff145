import { pendingMigrations } from '../../storage/storage.ts'
import { openConfiguredStorage, storageConfigOf } from '../open.ts'
import type { Call } from './command.ts'

export async function migrate({ flags, settings }: Call): Promise<number> {
  const pending = await pendingMigrations(storageConfigOf(settings.config))
  if (pending.length === 0) {
    process.stdout.write('The database is up to date.\n')
    return 0
  }
  const isCheck = 'check' in flags
  if (!isCheck) await (await openConfiguredStorage(settings.config))[Symbol.asyncDispose]() // opening migrates
  process.stdout.write(pending.map((name) => `${isCheck ? 'would run' : 'ran'} ${name}\n`).join(''))
  return isCheck ? 1 : 0
}
