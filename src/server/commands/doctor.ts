import { access, constants } from 'node:fs/promises'
import type { Health } from '../../registry/upkeep.ts'
import { pendingMigrations } from '../../storage/storage.ts'
import type { Config } from '../config.ts'
import { Failure, sentenceOf } from '../failure.ts'
import { storageConfigOf, withMirroringRegistry, withRegistry } from '../open.ts'
import { columns, sizeOf } from './columns.ts'
import type { Call } from './command.ts'

/** What was looked at; a row that is not well says what to do. */
type Finding = { readonly what: string; readonly well: boolean; readonly say: string }

/** Looks at everything the registry stands on. Exit code 1 when something is not well. */
export async function doctor({ flags, settings: { config } }: Call): Promise<number> {
  const findings = [await examine('data folder', () => lookAtFolder(config))]
  if (findings.every(({ well }) => well)) findings.push(await examine('database', () => lookAtSchema(config)))
  if (findings.every(({ well }) => well))
    findings.push(await examine('content', () => ('repair' in flags ? repairContent : lookAtContent)(config)))
  process.stdout.write(columns(findings.map(({ what, well, say }) => [well ? '✓' : '✗', what, say])))
  return findings.every(({ well }) => well) ? 0 : 1
}

async function examine(what: string, look: () => Promise<string>): Promise<Finding> {
  try {
    return { what, well: true, say: await look() }
  } catch (error) {
    return { what, well: false, say: sentenceOf(error) }
  }
}

async function lookAtFolder({ cacheDir }: Config): Promise<string> {
  try {
    await access(cacheDir, constants.R_OK | constants.W_OK)
  } catch (error) {
    throw new Failure(
      `${cacheDir} is not there or not ours to write. Start the server once, or name another: --cache-dir`,
      {
        exitCode: 1,
        cause: error,
      },
    )
  }
  return cacheDir
}

async function lookAtSchema(config: Config): Promise<string> {
  const pending = await pendingMigrations(storageConfigOf(config))
  if (pending.length === 0) return 'up to date'
  throw new Failure(`${pending.length} migrations are to run; the next start of the server runs them`)
}

async function lookAtContent(config: Config): Promise<string> {
  const { blobs, bytes, damages } = await withRegistry(config, (registry) => registry.upkeep.verify())
  if (damages.length === 0) return `${blobs} files, ${sizeOf(bytes)}, all as they were stored`
  throw new Failure(damageReport(damages))
}

/** The server may run meanwhile, but nobody may tidy up. */
async function repairContent(config: Config): Promise<string> {
  const after = await withMirroringRegistry(config, ({ upkeep, repair, chores }) =>
    chores.alone(async () => {
      const { damages } = await upkeep.verify()
      if (damages.length > 0) await repair.mend(damages)
      return { found: damages.length, ...(await upkeep.verify()) }
    }),
  )
  if (!after) throw new Failure('Upkeep or a backup is going on. Try again in a minute.')
  const { found, blobs, bytes, damages } = after
  if (damages.length > 0) throw new Failure(damageReport(damages))
  return `${blobs} files, ${sizeOf(bytes)}, all as they were stored; ${found} were repaired`
}

function damageReport(damages: Health['damages']): string {
  const lines = damages.map(({ what, of, digest }) => `${what}: ${of} (${digest.slice(0, 20)}…)`)
  return `${damages.length} damaged; restore them from a backup: ${lines.join('; ')}`
}
