import { readlink, rm, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'
import { asideOf, isMissing, readIfThere, replaceFile } from './files.ts'

/** What was there before, and what we made of it; written before the npmrc is touched, removed when it is as it was. */
type Journal = {
  /** The file itself, behind every symbolic link. */
  readonly path: string
  /** Base64; null when there was no file. */
  readonly original: string | null
  /** Base64. */
  readonly written: string
  readonly registry: string
}

const COMMENT = "; by Entropic's tray, which takes it out again"
const MODE = 0o600

/**
 * Points a user's npm at a registry, and later gives the npmrc back byte for byte. What others change in between stays. Can be killed at
 * any moment: restore, by whoever comes next, finds the journal.
 */
export class Npmrc {
  readonly #path: string
  readonly #journal: string

  /** @param parts.path the user's npmrc @param parts.journal where to remember the original */
  constructor({ path, journal }: { path: string; journal: string }) {
    this.#path = path
    this.#journal = journal
  }

  /** The registry that npm was pointed at; undefined when the npmrc is the user's own. */
  async registry(): Promise<string | undefined> {
    return (await this.#read())?.registry
  }

  /** The registry that the npmrc named before; undefined when it named none. */
  async before(): Promise<string | undefined> {
    const original = (await this.#read())?.original
    return original == null ? undefined : lastRegistry(decoded(original))?.value
  }

  /** From now on npm asks `registry`, an address with a slash at its end. */
  async use(registry: string): Promise<void> {
    await this.restore()
    const path = await behindLinks(this.#path)
    const original = await readIfThere(path)
    const written = Buffer.from(withRegistry(original?.toString('latin1') ?? '', registry), 'latin1')
    const journal: Journal = {
      path,
      original: original?.toString('base64') ?? null,
      written: written.toString('base64'),
      registry,
    }
    await replaceFile(this.#journal, JSON.stringify(journal))
    await replaceFile(path, written, await modeOf(path))
  }

  /** Takes our change back, if there is one. */
  async restore(): Promise<void> {
    const journal = await this.#read()
    if (!journal) return
    const { path } = journal
    await rm(asideOf(path), { force: true }) // of one who was killed while writing it
    const current = await readIfThere(path)
    const wanted = current && restored(current, journal)
    if (wanted === null) await rm(path)
    else if (wanted && !wanted.equals(current)) await replaceFile(path, wanted, await modeOf(path))
    await rm(this.#journal)
  }

  async #read(): Promise<Journal | undefined> {
    const bytes = await readIfThere(this.#journal)
    // Written by use, whole or not at all.
    return bytes && (JSON.parse(bytes.toString()) as Journal)
  }
}

/** What the file is to hold; null for no file. Nothing that somebody else wrote meanwhile is lost. */
function restored(current: Buffer, { original, written, registry }: Journal): Buffer | null {
  const before = original === null ? null : Buffer.from(original, 'base64')
  if (current.toString('base64') === written) return before
  const text = current.toString('latin1')
  const block = blockOf(registry, text)
  if (block !== undefined) return Buffer.from(text.replace(block, ''), 'latin1')
  // npm's own edits drop comments and all but the last of equal keys.
  const ours = lastRegistry(text)
  if (ours?.value !== registry) return current
  const line = before && lastRegistry(before.toString('latin1'))?.line
  const rest = text.slice(ours.at + ours.line.length)
  return Buffer.from(
    text.slice(0, ours.at) + (line ?? '') + (line ? rest : rest.replace(/^\r?\n/, '')),
    'latin1',
  )
}

/** The last of equal keys wins: ours goes behind all the others. */
function withRegistry(text: string, registry: string): string {
  const newline = text.includes('\r\n') ? '\r\n' : '\n'
  const head = headOf(text)
  const separator = head === '' || head.endsWith('\n') ? '' : newline
  const rest = text.slice(head.length)
  return `${head}${separator}${COMMENT}${newline}registry=${registry}${newline}${rest}`
}

/** Our two lines as they stand in `text`; undefined when somebody changed them. */
function blockOf(registry: string, text: string): string | undefined {
  return ['\r\n', '\n']
    .map((newline) => `${COMMENT}${newline}registry=${registry}${newline}`)
    .find((block) => text.includes(block))
}

/** What counts for npm itself: all before the first [section]. */
function headOf(text: string): string {
  return text.slice(0, /^\[[^\]\r\n]*\][ \t]*\r?$/m.exec(text)?.index ?? text.length)
}

/** The line that decides which registry npm asks, without its end: the last of equal keys. */
function lastRegistry(text: string): { value: string; line: string; at: number } | undefined {
  const lines = [...headOf(text).matchAll(/^[ \t]*registry[ \t]*=[ \t]*(.*?)[ \t]*(?=\r?$)/gm)]
  const match = lines.at(-1)
  return match && { value: (match[1] ?? '').replace(/^"(.*)"$/, '$1'), line: match[0], at: match.index }
}

function decoded(base64: string): string {
  return Buffer.from(base64, 'base64').toString('latin1')
}

/** Editing a link's target keeps the link; the target itself need not be there yet. */
async function behindLinks(path: string, depth = 0): Promise<string> {
  if (depth > 40) throw new Error(`${path} is a link that leads to itself.`)
  try {
    return await behindLinks(resolve(dirname(path), await readlink(path)), depth + 1)
  } catch (error) {
    // EINVAL (UNKNOWN on Windows): it is no link.
    const code = error instanceof Error && 'code' in error ? error.code : undefined
    if (code === 'EINVAL' || code === 'UNKNOWN' || code === 'ENOENT') return path
    throw error
  }
}

async function modeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).mode & 0o7777
  } catch (error) {
    if (isMissing(error)) return MODE
    throw error
  }
}
