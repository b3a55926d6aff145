import { createHash, randomBytes } from 'node:crypto'
import { chmodSync, lstatSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { isExecutable, readAsset } from './assets.ts'
import { Failure, sentenceOf } from './failure.ts'

/** Where the build puts the addon inside the executable, and its SHA-256 in hex. */
const ADDON = 'better-sqlite3.node'
const CHECKSUM = 'better-sqlite3.sha256'

let loaded: object | undefined

/**
 * The SQLite addon of the executable, unpacked into the first of `places` that allows it, since a library can only be loaded from a file;
 * undefined in a checkout. Throws a Failure that says what to do when no place allows it.
 */
export function sqliteAddon(places: readonly string[]): object | undefined {
  if (!isExecutable) return undefined
  loaded ??= load(places)
  return loaded
}

function load(places: readonly string[]): object {
  const checksum = readAsset(CHECKSUM).toString()
  const refusals: string[] = []
  for (const place of places) {
    try {
      const addon = { exports: {} }
      process.dlopen(addon, unpack(place, checksum))
      return addon.exports
    } catch (error) {
      refusals.push(`  ${place}: ${whyNot(error)}`)
    }
  }
  throw new Failure(
    `The SQLite driver must be unpacked once, and no folder takes it:\n${refusals.join('\n')}\nName one that this user may write to and run programs from: UNPACK_DIR=/path/to/folder`,
  )
}

/** The addon's path in `folder`. Named by its content: several versions share the folder, and a changed file is replaced. */
function unpack(folder: string, checksum: string): string {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  refuseShared(folder)
  const path = join(folder, `better-sqlite3-${checksum.slice(0, 16)}.node`)
  if (checksumOf(path) === checksum) return path
  const aside = `${path}.${randomBytes(6).toString('hex')}`
  try {
    writeFileSync(aside, readAsset(ADDON), { flag: 'wx', mode: 0o600 })
    chmodSync(aside, 0o500)
    renameSync(aside, path) // whoever starts at the same time writes the same bytes
  } finally {
    rmSync(aside, { force: true })
  }
  if (checksumOf(path) === checksum) return path
  throw new Error('what was written there reads differently')
}

/** Whoever else may write into the folder could have us run their code. */
function refuseShared(folder: string): void {
  const { uid, mode } = lstatSync(folder)
  if (process.getuid === undefined) return // Windows: the profile's folders are private to the user
  if (uid !== process.getuid() && uid !== 0) throw new Error('it belongs to another user')
  if ((mode & 0o022) !== 0) throw new Error('other users may write to it')
}

function checksumOf(path: string): string | undefined {
  try {
    return createHash('sha256').update(readFileSync(path)).digest('hex')
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
}

function whyNot(error: unknown): string {
  const why = sentenceOf(error)
  // What making a folder on a read-only disk answers.
  if (why.startsWith('ENOENT')) return 'the folder cannot be made there'
  return /failed to map segment|Operation not permitted/.test(why)
    ? `programs may not run from there (noexec): ${why}`
    : why
}
