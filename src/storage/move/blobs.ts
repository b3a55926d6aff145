import type { Digest } from '../../base/digest.ts'
import { isFault } from '../../base/fault.ts'
import type { BlobStore } from '../blobs/blobs.ts'
import type { Defect } from '../blobs/examine.ts'

/** A blob that something refers to, and what that is, for people. */
export type Wanted = { readonly digest: Digest; readonly of: string }
export type Damage = Wanted & { readonly what: Defect }
/** `blobs` and `bytes` count all that were wanted, `copied` those that were not there before. */
export type Copied = {
  blobs: number
  bytes: number
  copied: number
  readonly damages: Damage[]
}

const AT_ONCE = 8

/**
 * Copies what is wanted and not there yet. Every blob is hashed on its way and stored only when it is whole, so what is there already was
 * whole, too; the others are told.
 */
export async function copyBlobs(
  wanted: AsyncIterable<Wanted>,
  { from, to, signal }: { from: BlobStore; to: BlobStore; signal?: AbortSignal },
): Promise<Copied> {
  const sum: Copied = { blobs: 0, bytes: 0, copied: 0, damages: [] }
  const queue = wanted[Symbol.asyncIterator]() // the lanes take from one iterator
  const lane = async () => {
    for (let next = await queue.next(); !next.done; next = await queue.next()) {
      signal?.throwIfAborted()
      sum.blobs += 1
      await copyBlob(next.value, { from, to, sum })
    }
  }
  await Promise.all(Array.from({ length: AT_ONCE }, lane))
  return sum
}

async function copyBlob(
  { digest, of }: Wanted,
  { from, to, sum }: { from: BlobStore; to: BlobStore; sum: Copied },
): Promise<void> {
  const known = await to.stat(digest)
  if (known) {
    sum.bytes += known.size
    return
  }
  try {
    const { size } = await to.ingest(await from.openOriginal(digest), { integrity: digest })
    sum.bytes += size
    sum.copied += 1
  } catch (error) {
    if (!isFault(error, 'NOT_FOUND', 'INTEGRITY_MISMATCH')) throw error
    sum.damages.push({ digest, of, what: isFault(error, 'NOT_FOUND') ? 'missing' : 'changed' })
  }
}
