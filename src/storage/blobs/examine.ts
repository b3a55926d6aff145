import { createHash } from 'node:crypto'
import type { Digest } from '../../base/digest.ts'
import { isFault } from '../../base/fault.ts'
import type { BlobStore } from './blobs.ts'

/** What is wrong with a blob that something refers to. */
export type Defect = 'missing' | 'changed'

/** Reads a blob past all copies: its size in bytes when it is whole, or what is wrong with it. */
export async function examineBlob(
  blobs: Pick<BlobStore, 'openOriginal'>,
  digest: Digest,
): Promise<number | Defect> {
  const hash = createHash('sha512')
  let size = 0
  try {
    for await (const chunk of await blobs.openOriginal(digest)) {
      hash.update(chunk)
      size += chunk.length
    }
  } catch (error) {
    if (isFault(error, 'NOT_FOUND')) return 'missing'
    throw error
  }
  return `sha512-${hash.digest('base64')}` === digest ? size : 'changed'
}
