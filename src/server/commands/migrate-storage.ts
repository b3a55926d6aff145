import { writeSecrets } from '../../registry/backup.ts'
import { fillBlobs } from '../../registry/restore.ts'
import { endLoad, loadRows } from '../../storage/move/load.ts'
import { pagesOf, sumsOf } from '../../storage/move/rows.ts'
import { appliedMigrations } from '../../storage/sql/migrate.ts'
import type { Storage } from '../../storage/storage.ts'
import { deleteSettingsLike } from '../../storage/tables/settings.ts'
import type { Config } from '../config.ts'
import { usage } from '../failure.ts'
import { type Drivers, driversOf, openStorageOver, requireDataFolder } from '../open.ts'
import { secretFiles, secretsFolder, secretsOf } from '../secrets.ts'
import { sizeOf } from './columns.ts'
import type { Call } from './command.ts'
import { refuseRunning } from './refuse-running.ts'

export async function migrateStorage({ flags, settings: { config } }: Call): Promise<number> {
  const from = driversNamed('from', flags.from, driversOf(config))
  const to = driversNamed('to', flags.to, from)
  if (from.sql === to.sql && from.blobs === to.blobs) throw usage('--from and --to name the same.')
  await requireDataFolder(config)
  await refuseRunning(config)
  await using source = await openStorageOver(config, from)
  await using target = await openStorageOver(config, to)
  const done: string[] = []
  if (from.sql !== to.sql) done.push(await moveRows(source, target))
  if (from.blobs !== to.blobs) {
    const { blobs, bytes } = await fillBlobs(target, source.blobs)
    done.push(`${blobs} files (${sizeOf(bytes)})`)
  }
  if (from.sql !== to.sql) await finish(config, { source, target })
  const what = done.join(' and ')
  process.stdout.write(
    `Copied and compared: ${what}. Configure the server for ${to.sql} and ${to.blobs}, then start it.\n`,
  )
  return 0
}

/** From now on the secrets are read from the data folder. */
export async function keepSecretsInFiles({ sql }: Storage): Promise<void> {
  await sql.transaction((tx) => deleteSettingsLike(tx, 'secret:'))
}

function moveRows(source: Storage, target: Storage): Promise<string> {
  return source.sql.snapshot(async (db) => {
    const sums = await sumsOf(db, source.sql.engine)
    const migrations = await appliedMigrations(source.sql)
    await loadRows(target.sql, { migrations, sums, rows: (table) => pagesOf(db, table) })
    return `${Object.values(sums).reduce((sum, { rows }) => sum + rows, 0)} rows`
  })
}

/** SQLite has its secrets beside it in files, Postgres inside. */
async function finish(
  config: Config,
  { source, target }: { source: Storage; target: Storage },
): Promise<void> {
  if (target.sql.engine === 'sqlite')
    await writeSecrets(secretsFolder(config), await secretFiles(config, source))
  await endLoad(target.sql)
  if (target.sql.engine === 'sqlite') await keepSecretsInFiles(target)
  else await secretsOf(config, target)
}

/** `sqlite`, `s3` or both, as in `postgres,s3`; what is not named stays. */
function driversNamed(flag: string, text: string | undefined, others: Drivers): Drivers {
  let drivers = others
  for (const name of (text ?? '').split(',')) {
    if (name === 'sqlite' || name === 'postgres') drivers = { ...drivers, sql: name }
    else if (name === 'disk' || name === 's3') drivers = { ...drivers, blobs: name }
    else
      throw usage(
        `--${flag} is "${text ?? ''}"; allowed: sqlite or postgres, disk or s3, or one of each with a comma between.`,
      )
  }
  return drivers
}
