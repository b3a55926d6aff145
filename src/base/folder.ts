import { mkdir, stat } from 'node:fs/promises'
import { dirname, resolve } from 'node:path'

/**
 * Makes a folder for its owner alone, and those it lies in; one that is there stays as it is. Throws an Error whose message names it.
 * Level by level: where the system answers ENOENT for a folder whose parent is there, as in /proc, Node's own recursion never ends.
 */
export async function makeFolder(path: string): Promise<void> {
  try {
    await makeLevels(resolve(path))
  } catch (cause) {
    const why = cause instanceof Error ? cause.message : String(cause)
    throw new Error(`The folder ${path} cannot be made: ${why}`, { cause })
  }
}

async function makeLevels(path: string): Promise<void> {
  if (await isFolder(path)) return
  if (dirname(path) !== path) await makeLevels(dirname(path))
  try {
    await mkdir(path, { mode: 0o700 })
  } catch (error) {
    if (!(await isFolder(path))) throw error // another process may have made it in between
  }
}

async function isFolder(path: string): Promise<boolean> {
  const found = await stat(path).catch(() => undefined)
  return found?.isDirectory() ?? false
}
