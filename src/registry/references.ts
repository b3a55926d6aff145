import { createHash } from 'node:crypto'
import type { Digest } from '../base/digest.ts'
import type { BlobStore } from '../storage/blobs/blobs.ts'
import type { Wanted } from '../storage/move/blobs.ts'
import type { Reference } from '../storage/tables/references.ts'
import type { FileTree } from './model.ts'

/**
 * Every blob that is referred to, once: what rows refer to, and what the trees among it hold. Of a tree that cannot be read, `unreadable` hears;
 * what it held is not known.
 */
export async function* everyBlob(
  references: AsyncIterable<Reference> | Iterable<Reference>,
  { blobs, unreadable }: { blobs: BlobStore; unreadable: (tree: Wanted, why: unknown) => void },
): AsyncGenerator<Wanted> {
  const seen = new Set<Digest>()
  for await (const { digest, isTree, of } of references) {
    if (seen.has(digest)) continue
    seen.add(digest)
    yield { digest, of }
    if (!isTree) continue
    const tree = await treeOf(blobs, digest).catch((why: unknown) => unreadable({ digest, of }, why))
    for (const file of tree ?? []) {
      if (seen.has(file.digest)) continue
      seen.add(file.digest)
      yield { digest: file.digest, of: `${of} ${file.path}` }
    }
  }
}

/** A tree that is as it was stored. */
async function treeOf(blobs: BlobStore, digest: Digest): Promise<FileTree> {
  const bytes = await blobs.read(digest)
  if (`sha512-${createHash('sha512').update(bytes).digest('base64')}` !== digest)
    throw new Error('The file tree was changed')
  // We wrote it ourselves, and it has not changed since.
  return JSON.parse(bytes.toString()) as FileTree
}
