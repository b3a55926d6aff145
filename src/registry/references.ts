import { createHash } from 'node:crypto'
import type { Digest } from '../base/digest.ts'
import type { BlobStore } from '../storage/blobs/blobs.ts'
import type { Wanted } from '../storage/move/blobs.ts'
import type { Reference } from '../storage/tables/references.ts'
import type { FileTree } from './model.ts'

/**
 * Every blob that is referred to, once: what rows refer to, and what the trees among it hold. Of a tree that cannot be read, `unreadable` hears;
 * what it held is not known. Of files that an earlier tree holds too, `again` hears how many bytes they have.
 */
export async function* everyBlob(
  references: AsyncIterable<Reference> | Iterable<Reference>,
  {
    blobs,
    unreadable,
    again = () => undefined,
  }: {
    blobs: BlobStore
    unreadable: (tree: Wanted, why: unknown) => void
    again?: (bytes: number) => void
  },
): AsyncGenerator<Wanted> {
  const seen = new Map<Digest, 'of a row' | 'of a tree'>()
  const trees = new Map<Digest, number>()
  for await (const { digest, isTree, of } of references) {
    if (isTree) again(trees.get(digest) ?? 0)
    if (seen.has(digest)) continue
    seen.set(digest, 'of a row')
    yield { digest, of }
    if (!isTree) continue
    const tree = await treeOf(blobs, digest).catch((why: unknown) => unreadable({ digest, of }, why))
    if (tree) trees.set(digest, sizeOf(tree))
    for (const file of tree ?? []) {
      const before = seen.get(file.digest)
      if (before === 'of a tree') again(file.size)
      seen.set(file.digest, 'of a tree')
      if (before === undefined) yield { digest: file.digest, of: `${of} ${file.path}` }
    }
  }
}

function sizeOf(tree: FileTree): number {
  return tree.reduce((sum, { size }) => sum + size, 0)
}

/** A tree that is as it was stored. */
export async function treeOf(blobs: BlobStore, digest: Digest): Promise<FileTree> {
  const bytes = await blobs.read(digest)
  if (`sha512-${createHash('sha512').update(bytes).digest('base64')}` !== digest)
    throw new Error('The file tree was changed')
  // We wrote it ourselves, and it has not changed since.
  return JSON.parse(bytes.toString()) as FileTree
}
