import { createReadStream } from 'node:fs'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fail } from '../../base/fault.ts'
import { parseNpmName } from '../../base/name.ts'
import { asObject, UpstreamDocument } from '../upstream-document.ts'

/** The file that lists what was published there, beside the packages' folders. */
const LIST = '.verdaccio-db.json'

/** The storage folder of a verdaccio: a folder a package, with its package.json and its tarballs. */
export class VerdaccioFolder {
  readonly #path: string

  constructor(path: string) {
    this.#path = path
  }

  /** The names of all packages, by the folders there are. BAD_REQUEST when the folder cannot be read. */
  async names(): Promise<string[]> {
    const folders = await this.#folders('').catch((cause: NodeJS.ErrnoException) => {
      const isNone = cause.code === 'ENOENT' || cause.code === 'ENOTDIR'
      const why = `The folder ${this.#path} cannot be read: ${cause.message}`
      return fail('BAD_REQUEST', { why: isNone ? `There is no folder ${this.#path}.` : why })
    })
    const names: string[] = []
    for (const folder of folders)
      if (!folder.startsWith('@')) names.push(folder)
      else for (const bare of await this.#folders(folder)) names.push(`${folder}/${bare}`)
    return names.sort()
  }

  /** What was published there, by its own list; undefined when it has none. */
  async published(): Promise<ReadonlySet<string> | undefined> {
    const text = await readFile(join(this.#path, LIST), 'utf8').catch(() => '{}')
    const list = asObject(JSON.parse(text))?.list
    return Array.isArray(list) ? new Set(list.map(String)) : undefined
  }

  /** BAD_REQUEST for what is no document of this package, INVALID_NAME. */
  async document(name: string): Promise<UpstreamDocument> {
    const path = join(this.#path, parseNpmName(name), 'package.json')
    try {
      const document = new UpstreamDocument(await readFile(path))
      if (document.member('name') === name) return document
    } catch (cause) {
      const why = cause instanceof Error ? cause.message : String(cause)
      return fail('BAD_REQUEST', { why: `its package.json cannot be read: ${why}` })
    }
    return fail('BAD_REQUEST', { why: 'its package.json is about another package' })
  }

  /** The tarball's bytes, which fail with ENOENT where it is not there. `version` is a version, and so no path. */
  tarball(name: string, version: string): AsyncIterable<Buffer> {
    const bare = name.slice(name.indexOf('/') + 1)
    return createReadStream(join(this.#path, name, `${bare}-${version}.tgz`))
  }

  async #folders(under: string): Promise<string[]> {
    const entries = await readdir(join(this.#path, under), { withFileTypes: true })
    return entries.filter((it) => it.isDirectory() && !it.name.startsWith('.')).map((it) => it.name)
  }
}
