import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { basename } from 'node:path'
import { LOCK_FILES, readLockFile, type Wishes } from '../../registry/lockfiles.ts'
import type { Outcome, Platform } from '../../registry/prefetch.ts'
import { splitSpec, wishOf } from '../../registry/wishes.ts'
import { Failure, sentenceOf, usage } from '../failure.ts'
import { withMirroringRegistry } from '../open.ts'
import { plain, sizeOf } from './columns.ts'
import type { Call } from './command.ts'

/** Exit code 1 when something that was asked for could not be had. */
export async function prefetch({ names, flags, settings }: Call): Promise<number> {
  const { wishes, elsewhere } = await wishesOf(names)
  const progress = progressOn(process.stderr)
  const outcomes = await withMirroringRegistry(settings.config, (registry) =>
    registry.prefetch.run({ wishes, platform: platformOf(flags), onOutcome: progress.show }),
  )
  progress.end()
  process.stdout.write(summaryOf(outcomes, elsewhere))
  return outcomes.some(({ kind }) => kind === 'missing') ? 1 : 0
}

/** Lists of names with commas between them. */
export function platformOf(flags: Call['flags']): Platform {
  const list = (text = '') => text.split(',').filter((it) => it !== '' && it !== 'all')
  return { os: list(flags.os), cpu: list(flags.cpu) }
}

/** What lock files and specs on the command line ask for, all together. Throws a Failure for a file that cannot be read. */
export async function wishesOf(names: readonly string[]): Promise<Wishes> {
  const all = await Promise.all(
    names.map(async (name) => {
      if (LOCK_FILES.includes(basename(name))) return readLockFile(basename(name), await textOf(name))
      if (looksLikeFile(name) && !existsSync(name)) throw usage(`There is no file ${name}.`)
      const { name: wanted, range } = splitSpec(name)
      const wish = wanted.includes('\\') ? undefined : wishOf(wanted, range)
      if (wish) return { wishes: [wish], elsewhere: [] }
      throw usage(`"${name}" is neither name@range nor one of ${LOCK_FILES.join(', ')}.`)
    }),
  )
  return { wishes: all.flatMap((it) => it.wishes), elsewhere: all.flatMap((it) => it.elsewhere) }
}

/** Nobody means a package by it, though some have such names. */
function looksLikeFile(name: string): boolean {
  return /\.(?:json|ya?ml|lockb?)$/.test(name) || (/[/\\]/.test(name) && !name.startsWith('@'))
}

async function textOf(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    throw new Failure(`${path} cannot be read: ${sentenceOf(error)}`, { exitCode: 2, cause: error })
  }
}

/** A line that is written over again and again; nothing where nobody watches. */
function progressOn(stream: NodeJS.WriteStream) {
  let done = 0
  let bytes = 0
  const width = 24
  return {
    show(outcome: Outcome, known: number): void {
      done += 1
      if (outcome.kind === 'fetched') bytes += outcome.bytes
      if (!stream.isTTY) return
      const bar = '█'.repeat(Math.round((width * done) / known)).padEnd(width, '░')
      stream.write(`\r\x1b[2K${bar} ${done} of ${known}, ${sizeOf(bytes)} fetched`)
    },
    end(): void {
      if (stream.isTTY) stream.write('\r\x1b[2K')
    },
  }
}

function summaryOf(outcomes: readonly Outcome[], elsewhere: readonly string[]): string {
  const of = (kind: Outcome['kind']) => outcomes.filter((outcome) => outcome.kind === kind)
  const bytesOf = (kind: Outcome['kind']) => sizeOf(of(kind).reduce((sum, { bytes }) => sum + bytes, 0))
  const lines = [
    `${of('fetched').length} fetched (${bytesOf('fetched')}), ${of('stored').length} stored already (${bytesOf('stored')})`,
  ]
  if (of('own').length > 0) lines.push(`${of('own').length} published here`)
  if (of('skipped').length > 0) lines.push(`${of('skipped').length} for other platforms`)
  if (elsewhere.length > 0) lines.push(`left out, from no registry: ${elsewhere.join(', ')}`)
  for (const outcome of outcomes)
    if (outcome.kind === 'missing') lines.push(`missing: ${outcome.spec}: ${outcome.why}`)
  return `${lines.map(plain).join('\n')}\n`
}
