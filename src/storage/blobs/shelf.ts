import { close, fsync, open } from 'node:fs'
import { mkdir } from 'node:fs/promises'
import { dirname } from 'node:path'
import { promisify } from 'node:util'

const [openFile, closeFile, syncFile] = [promisify(open), promisify(close), promisify(fsync)]

/**
 * A folder that many files come into, held open: what is new in it then reaches the disk in one step. Made when first needed; `parent`
 * is the shelf it stands in, absent where the folder above is not ours.
 */
export class Shelf {
  readonly path: string
  readonly #parent: Shelf | undefined
  #opened: Promise<number> | undefined

  constructor(path: string, parent?: Shelf) {
    this.path = path
    this.#parent = parent
  }

  /** Resolves when it is there and its own name is on the disk: whoever made it may not have come so far. */
  async ready(): Promise<void> {
    await this.#open()
  }

  /** Resolves when the names in it are on the disk. */
  async sync(): Promise<void> {
    await syncFolder(await this.#open())
  }

  /** The next use makes and opens it again. What was open stays so, since somebody may be syncing it. */
  forget(): void {
    this.#opened = undefined
  }

  /** Lets go of it, when nobody uses it any more. */
  async close(): Promise<void> {
    const opened = this.#opened
    this.#opened = undefined
    const folder = await opened?.catch(() => undefined)
    if (folder !== undefined) await closeFile(folder)
  }

  #open(): Promise<number> {
    if (this.#opened) return this.#opened
    const opened = this.#make()
    this.#opened = opened
    opened.catch(() => {
      if (this.#opened === opened) this.#opened = undefined
    })
    return opened
  }

  async #make(): Promise<number> {
    await this.#parent?.ready()
    await mkdir(this.path, { recursive: true, mode: 0o700 })
    if (this.#parent) await this.#parent.sync()
    else await syncFolderAt(dirname(this.path))
    return openFile(this.path, 'r')
  }
}

/** As Shelf.sync, of a folder that is used once. */
export async function syncFolderAt(path: string): Promise<void> {
  const folder = await openFile(path, 'r')
  try {
    await syncFolder(folder)
  } finally {
    await closeFile(folder)
  }
}

/** Windows and some network file systems cannot sync a folder, and say so: there names are as safe as the system keeps them. */
async function syncFolder(folder: number): Promise<void> {
  try {
    await syncFile(folder)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && ['EPERM', 'EINVAL'].includes(String(error.code))))
      throw error
  }
}
