import type { Digest } from '../base/digest.ts'
import { fail } from '../base/fault.ts'
import { listHolders } from '../storage/tables/objects.ts'
import type { Context } from './context.ts'
import type { PackageHead, Who } from './model.ts'
import { headOf } from './package-head.ts'
import type { Packages } from './packages.ts'

/**
 * Blobs by digest. Tarballs and Entropic manifests, whose digests stand in lock files, are read by those who may read a package that has
 * them. A single file's digest is only told by a manifest: who knows it was let in before, or has the file.
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
    const isPublic = holders.length === 0 || holders.some(({ access }) => access === 'public')
    if (!isPublic && (await this.#packages.readable(who, holders)).length === 0)
      fail('NOT_FOUND', { what: digest })
    return { size: stat.size, access: isPublic ? 'public' : 'restricted' }
  }
}
