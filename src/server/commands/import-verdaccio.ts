import { readFile } from 'node:fs/promises'
import type { ImportedUser } from '../../registry/verdaccio/users.ts'
import { Failure, sentenceOf } from '../failure.ts'
import { withRegistry } from '../open.ts'
import { counted } from './columns.ts'
import type { Call } from './command.ts'

/** Says what could not be taken, line by line; exits with 1 when there was any. */
export async function importVerdaccio({
  names: [folder = ''],
  flags,
  settings: { config },
}: Call): Promise<number> {
  const { htpasswd, owner } = flags
  const people = htpasswd === undefined ? undefined : await textOf(htpasswd)
  return withRegistry(config, async ({ verdaccio }) => {
    if (people !== undefined) tellUsers(await verdaccio.users(people))
    const counts = { imported: 0, unchanged: 0, left: 0 }
    let versions = 0
    let skipped = 0
    for await (const it of verdaccio.packages({ folder, owner, mirrored: 'mirrored' in flags })) {
      counts[it.kind] += 1
      versions += it.versions
      skipped += it.skipped.length
      if (it.why !== undefined) process.stdout.write(`left out: ${it.name}: ${it.why}\n`)
      for (const version of it.skipped) process.stdout.write(`left out: ${it.name}@${version}\n`)
    }
    const { imported, unchanged, left } = counts
    const rest = `${counted(unchanged, 'was', 'were')} here already, ${left} left out`
    const done = `${counted(imported, 'package')} imported with ${counted(versions, 'version')}`
    process.stdout.write(`${done}, ${rest}\n`)
    return left + skipped > 0 ? 1 : 0
  })
}

function tellUsers(users: readonly ImportedUser[]): void {
  for (const { name, kind, why } of users) {
    if (kind === 'locked')
      process.stdout.write(
        `no password: ${name}: its hash is of a kind that cannot be verified; set one: user passwd ${name}\n`,
      )
    if (why !== undefined) process.stdout.write(`left out: ${name}: ${why}\n`)
  }
  const of = (...kinds: string[]) => users.filter(({ kind }) => kinds.includes(kind)).length
  const made = `${counted(of('added', 'locked'), 'account')} made`
  process.stdout.write(`${made}, ${counted(of('known'), 'was', 'were')} here already\n`)
}

async function textOf(path: string): Promise<string> {
  return readFile(path, 'utf8').catch((cause) => {
    throw new Failure(`${path} cannot be read: ${sentenceOf(cause)}`, { exitCode: 2, cause })
  })
}
