import type { Digest } from '../base/digest.ts'
import { fail } from '../base/fault.ts'
import { isStaged, listHolders } from '../storage/tables/objects.ts'
import type { Context } from './context.ts'
import type { PackageHead, Who } from './model.ts'
import { headOf } from './package-head.ts'
import type { Packages } from './packages.ts'

/**
 * Blobs by digest. Tarballs and Entropic manifests, whose digests stand in lock files, are read by those who may read a package that has
 * them, or had them before they were unpublished. A single file's digest is only told by a manifest: who knows it was let in before, or has the file.
 */
export class Objects {
  readonly #context: Context
  readonly #packages: Packages

  constructor(context: Context, packages: Packages) {
    this.#context = context
    this.#packages = packages
  }

  /** An object's size in bytes, and whether anybody may have it. NOT_FOUND. */
  async find(who: Who, digest: Digest): Promise<{ size: number; access: PackageHead['access'] }> {
    const { sql, blobs } = this.#context.storage
    const stat = (await blobs.stat(digest)) ?? fail('NOT_FOUND', { what: digest })
    const holders = (await listHolders(sql.read, digest)).map(headOf)
    const isPublic = holders.some(({ access }) => access === 'public')
    const isFile = holders.length === 0 && !(await isStaged(sql.read, digest))
    if (!isPublic && !isFile && (await this.#packages.readable(who, holders)).length === 0)
      fail('NOT_FOUND', { what: digest })
    // A file may be a private package's: no shared cache is to keep it.
    return { size: stat.size, access: isPublic ? 'public' : 'restricted' }
  }
}
