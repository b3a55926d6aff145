import { readFile } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { type BackupManifest, backUp, blobsOf, readManifest, writeSecrets } from '../../registry/backup.ts'
import { fillBlobs, restoreRows, secretsIn } from '../../registry/restore.ts'
import { endLoad } from '../../storage/move/load.ts'
import { readAssetFolder } from '../assets.ts'
import type { Config } from '../config.ts'
import { Failure } from '../failure.ts'
import { driversOf, openStorageOver, withRegistry } from '../open.ts'
import { secretFiles, secretsFolder } from '../secrets.ts'
import { sizeOf } from './columns.ts'
import type { Call } from './command.ts'
import { keepSecretsInFiles } from './migrate-storage.ts'
import { refuseRunning } from './refuse-running.ts'

export async function backup({ names: [name = ''], settings: { config } }: Call): Promise<number> {
  const folder = resolve(name)
  const done = await withRegistry(config, (registry, storage) =>
    registry.chores.alone(async ({ signal }) => {
      const secrets = await secretFiles(config, storage)
      return backUp(storage, { folder, secrets, now: Date.now(), signal })
    }),
  )
  if (!done) throw new Failure('Upkeep or another backup is going on. Try again in a minute.')
  const { blobs, tables } = done.manifest
  const rows = Object.values(tables).reduce((sum, table) => sum + table.rows, 0)
  const what = `${rows} rows, ${blobs.count} files (${sizeOf(blobs.bytes)})`
  process.stdout.write(`${folder} is whole: ${what}, of which ${done.copied} were new.\n`)
  return 0
}

export async function restore({ names: [name = ''], settings: { config } }: Call): Promise<number> {
  const folder = resolve(name)
  const manifest = await readManifest(folder)
  await refuseRunning(config)
  requireConfigured(config, manifest)
  const secrets = await secretsIn(folder, manifest)
  for (const [file, text = ''] of Object.entries(secrets)) await refuseOther(config, file, text)
  const drivers = driversOf(config)
  {
    await using old = await openStorageOver(config, drivers, migrationsOf(manifest))
    await restoreRows(old, { folder, manifest })
  }
  await using storage = await openStorageOver(config, drivers)
  const { blobs, bytes } = await fillBlobs(storage, blobsOf(folder))
  await writeSecrets(secretsFolder(config), secrets)
  await endLoad(storage.sql)
  if (drivers.sql === 'sqlite') await keepSecretsInFiles(storage)
  const at = new Date(manifest.at).toISOString()
  process.stdout.write(
    `Restored as it was at ${at}: ${blobs} files (${sizeOf(bytes)}), all read back and whole.\n`,
  )
  return 0
}

/** The migrations that had made the backup's schema, so that its rows fit; opening the storage then runs the later ones. */
function migrationsOf({ migrations }: BackupManifest): Record<string, string> {
  const ours = readAssetFolder('migrations')
  const unknown = migrations.find((name) => ours[name] === undefined)
  if (unknown !== undefined)
    throw new Failure(
      `The backup was made by a newer release: ${unknown} is not known here. Restore it with that one.`,
    )
  return Object.fromEntries(Object.entries(ours).filter(([name]) => migrations.includes(name)))
}

function requireConfigured(config: Config, { secrets }: BackupManifest): void {
  const given = {
    'oauth-password': { env: 'OAUTH_PASSWORD', value: config.oauthPassword },
    'session-secret': { env: 'SESSION_SECRET', value: config.sessionSecret },
  }
  for (const [name, { env, value }] of Object.entries(given))
    if (secrets[name] === 'configured' && value === undefined)
      throw new Failure(
        `${env} was configured where the backup was made, so it is not inside. Set it as it was there.`,
      )
}

/** Nothing is written over. */
async function refuseOther(config: Config, file: string, text: string): Promise<void> {
  const path = join(secretsFolder(config), file)
  const there = await readFile(path, 'utf8').catch(() => text)
  if (there.trim() !== text.trim())
    throw new Failure(`${path} holds another secret than the backup. Restore into an empty data folder.`)
}
