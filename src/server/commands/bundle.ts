import { createReadStream } from 'node:fs'
import { open, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { readBundleHead } from '../../registry/bundle/archive.ts'
import { objectsOf } from '../../registry/bundle/manifest.ts'
import { BundleSigner, parseKeyName } from '../../registry/bundle/signature.ts'
import { type Carried, verifyBundle } from '../../registry/bundles.ts'
import type { Outcome } from '../../registry/prefetch.ts'
import type { Config } from '../config.ts'
import { Failure, sentenceOf, usage } from '../failure.ts'
import { requireDataFolder, withMirroringRegistry, withRegistry } from '../open.ts'
import { keptSecret } from '../secrets.ts'
import { columns, counted, plain, sizeOf } from './columns.ts'
import type { Call } from './command.ts'
import { platformOf, wishesOf } from './prefetch.ts'

/** Fetches what is missing and writes the bundle; the file is there whole or not at all. */
export async function createBundle({ names, flags, settings: { config } }: Call): Promise<number> {
  const [path = '', ...specs] = names
  const asked = flags.from === undefined ? specs : [flags.from, ...specs]
  if (asked.length === 0) throw usage('Say what to put in: --from package-lock.json, or name@range.')
  const { wishes, elsewhere } = await wishesOf(asked)
  const signer = await signerOf(config)
  const aside = `${path}.partial`
  const carried = await withMirroringRegistry(config, async (registry) => {
    const outcomes = await registry.prefetch.run({ wishes, platform: platformOf(flags) })
    const found = carriedOf(outcomes)
    const bundle = await registry.bundles.create(found, signer)
    const file = await open(aside, 'w').catch((error) => Promise.reject(unwritten(path, error)))
    await pipeline(bundle, file.createWriteStream()).catch(async (error) => {
      await rm(aside, { force: true })
      throw unwritten(path, error)
    })
    return found
  })
  await rename(aside, path).catch((error: unknown) => Promise.reject(unwritten(path, error)))
  const left = elsewhere.map((it) => `left out, from no registry: ${plain(it)}\n`).join('')
  const size = sizeOf((await stat(path)).size)
  process.stdout.write(
    `${path}: ${counted(carried.length, 'version')}, ${size}, signed by ${signer.name}\n${left}`,
  )
  return 0
}

export async function importBundle({
  names: [path = ''],
  flags,
  settings: { config },
}: Call): Promise<number> {
  const key = flags.key === undefined ? [] : [parseKeyName(flags.key)]
  const own = (await signerOf(config)).name
  const file = await opened(path)
  const imported = await withRegistry(config, ({ bundles }) => bundles.import(file, [own, ...key]))
  const of = (kind: string) => imported.filter((it) => it.kind === kind).length
  const lines = [
    `${counted(of('imported'), 'package')} imported, ${counted(of('unchanged'), 'was', 'were')} here already`,
  ]
  for (const it of imported) {
    if (it.kind === 'left') lines.push(`left out: ${it.name}: ${it.why}`)
    if (it.kind === 'imported' && it.refused.length > 0)
      lines.push(`refused, with other content here: ${it.name} ${it.refused.join(', ')}`)
  }
  process.stdout.write(`${lines.join('\n')}\n`)
  return 0
}

export async function verify({ names: [path = ''] }: Call): Promise<number> {
  const { manifest, key } = await verifyBundle(await opened(path))
  const versions = manifest.packages.reduce((sum, it) => sum + Object.keys(it.versions).length, 0)
  process.stdout.write(
    `Whole: ${counted(versions, 'version')} in ${counted(objectsOf(manifest).size, 'object')}, signed by ${manifest.from} with ${key}\n`,
  )
  return 0
}

export async function listBundle({ names: [path = ''] }: Call): Promise<number> {
  const { manifest } = await readBundleHead(await opened(path))
  const rows = manifest.packages.flatMap(({ name, versions }) =>
    Object.entries(versions).map(([version, { size }]) => [name, version, sizeOf(size)]),
  )
  process.stdout.write(columns([['PACKAGE', 'VERSION', 'SIZE'], ...rows]))
  return 0
}

/** For the other side, to compare. */
export async function showKey({ settings: { config } }: Call): Promise<number> {
  await requireDataFolder(config)
  process.stdout.write(`${(await signerOf(config)).name}\n`)
  return 0
}

/** Makes the data folder where a bundle is the first thing done there. */
async function signerOf({ cacheDir }: Config): Promise<BundleSigner> {
  return new BundleSigner(await keptSecret(join(cacheDir, 'secrets'), 'bundle-key'))
}

async function opened(path: string): Promise<Readable> {
  try {
    await stat(path)
  } catch (error) {
    throw new Failure(`${path} cannot be read: ${sentenceOf(error)}`, { exitCode: 2, cause: error })
  }
  return createReadStream(path)
}

/** What the disk refuses the caller can mend; every other error stays what it is. */
function unwritten(path: string, error: unknown): unknown {
  const isOfDisk =
    error instanceof Error && 'syscall' in error && /^(?:open|write|rename)$/.test(`${error.syscall}`)
  if (!isOfDisk) return error
  return new Failure(`${path} cannot be written: ${sentenceOf(error)}`, { exitCode: 2, cause: error })
}

/** A bundle that lacks something would fail on the other side, where nobody can help: better here. */
function carriedOf(outcomes: readonly Outcome[]): Carried[] {
  const missing = outcomes.filter((outcome) => outcome.kind === 'missing')
  if (missing.length > 0)
    throw new Failure(missing.map(({ spec, why }) => plain(`missing: ${spec}: ${why}`)).join('\n'))
  return outcomes.flatMap((outcome) =>
    outcome.kind === 'missing' || outcome.kind === 'skipped' ? [] : [outcome],
  )
}
