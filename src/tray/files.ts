import { mkdir, open, readFile, rename, rm } from 'node:fs/promises'
import { dirname } from 'node:path'

/** Where the new bytes of a file lie until it is renamed. */
export const asideOf = (path: string) => `${path}.entropic-new`

/**
 * Replaces a file as a whole, on the disk before this resolves: whoever reads it, also after a crash, finds the old bytes or the new. For
 * one writer at a time.
 */
export async function replaceFile(path: string, bytes: Uint8Array | string, mode = 0o600): Promise<void> {
  await mkdir(dirname(path), { recursive: true })
  const aside = asideOf(path)
  await rm(aside, { force: true })
  const file = await open(aside, 'wx', mode)
  try {
    await file.chmod(mode) // whatever the umask
    await file.writeFile(bytes)
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(aside, path)
  await syncFolder(dirname(path))
}

/** A rename is on the disk when its folder is; Windows opens no folders and needs none of this. */
async function syncFolder(path: string): Promise<void> {
  if (process.platform === 'win32') return
  const folder = await open(path, 'r')
  try {
    await folder.sync()
  } finally {
    await folder.close()
  }
}

/** undefined when there is no such file; every other error is thrown. */
export async function readIfThere(path: string): Promise<Buffer | undefined> {
  try {
    return await readFile(path)
  } catch (error) {
    if (isMissing(error)) return undefined
    throw error
  }
}

export function isMissing(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}
