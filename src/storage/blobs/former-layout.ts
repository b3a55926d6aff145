import { mkdir, opendir, rename, rmdir } from 'node:fs/promises'
import { join } from 'node:path'

/**
 * Blobs once lay two folders deeper, `sha512/ab/cd/<124 hex digits>`: brings what lies there to `ab/<126 hex digits>`. Several processes may
 * do so at once, and what one of them left undone the next one finds.
 */
export async function liftFormerBlobs(root: string): Promise<void> {
  const former = join(root, 'sha512')
  for (const first of await namesIn(former)) {
    await mkdir(join(root, first), { recursive: true, mode: 0o700 })
    for (const second of await namesIn(join(former, first))) {
      const from = join(former, first, second)
      for (const rest of await namesIn(from))
        await unlessGone(rename(join(from, rest), join(root, first, second + rest)))
      await unlessGone(rmdir(from))
    }
    await unlessGone(rmdir(join(former, first)))
  }
  await unlessGone(rmdir(former))
}

async function namesIn(folder: string): Promise<string[]> {
  const entries = await unlessGone(opendir(folder))
  return entries ? Array.fromAsync(entries, ({ name }) => name) : []
}

/** What `work` resolves to; undefined where another process was faster, or there is nothing. */
async function unlessGone<T>(work: Promise<T>): Promise<T | undefined> {
  try {
    return await work
  } catch (error) {
    if (error instanceof Error && 'code' in error && ['ENOENT', 'ENOTEMPTY'].includes(String(error.code)))
      return undefined
    throw error
  }
}
