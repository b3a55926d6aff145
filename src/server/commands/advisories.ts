import { createWriteStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { readDump } from '../../registry/advisories/dump.ts'
import { webAddress } from '../config/kinds.ts'
import type { Config } from '../config.ts'
import { Failure, sentenceOf, usage } from '../failure.ts'
import { connectTo, withRegistry } from '../open.ts'
import { counted } from './columns.ts'
import type { Call } from './command.ts'

/** Reads a dump from a file, or fetches it first. */
export async function importAdvisories({ names: [from = ''], settings: { config } }: Call): Promise<number> {
  await using dump = /^https?:/.test(from) ? await fetched(config, from) : fileAt(from)
  const { entries, changed, left, known } = await withRegistry(config, async (registry) => {
    const outcome = await registry.known.import(readDump(dump.path))
    return { ...outcome, known: await registry.known.count() }
  }).catch((error) => {
    if (!isMissing(error)) throw error
    throw new Failure(`${from} cannot be read: ${sentenceOf(error)}`, { exitCode: 2, cause: error })
  })
  if (left === entries) throw new Failure(`Nothing in ${from} is an advisory.`)
  const lines = [
    `${counted(entries, 'entry', 'entries')} read, ${changed} of them new or changed; ${counted(known, 'advisory is', 'advisories are')} known now`,
  ]
  if (left > 0) lines.push(`left out, being no advisories: ${left}`)
  process.stdout.write(`${lines.join('\n')}\n`)
  return 0
}

type Dump = AsyncDisposable & { readonly path: string }

function fileAt(path: string): Dump {
  return { path, async [Symbol.asyncDispose]() {} }
}

/** Through the configured proxies, with their retries and limits; redirects stay on the host. */
async function fetched(config: Config, address: string): Promise<Dump> {
  const url = URL.parse(address)
  const origin = webAddress.read(url?.origin ?? '', '')
  if (origin === undefined) throw usage(`"${address}" is no address; allowed: ${webAddress.allowed}.`)
  const folder = await mkdtemp(join(tmpdir(), 'entropic-advisories-'))
  const remove = () => rm(folder, { recursive: true, force: true })
  const path = join(folder, 'dump')
  const server = connectTo(config, { url: origin })
  try {
    const answer = await server.tarball(address, address)
    if (answer.kind === 'absent') throw new Failure(`${address} cannot be had: ${answer.why}`)
    await pipeline(Readable.from(answer.body), createWriteStream(path))
  } catch (error) {
    await remove()
    throw error
  } finally {
    await server.close()
  }
  return { path, [Symbol.asyncDispose]: remove }
}

function isMissing(error: unknown): boolean {
  return (
    error instanceof Error && 'code' in error && ['ENOENT', 'EACCES', 'EISDIR'].includes(String(error.code))
  )
}
