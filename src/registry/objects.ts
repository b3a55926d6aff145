import type { Digest } from '../base/digest.ts'
import { fail } from '../base/fault.ts'
import { isStaged, listHolders } from '../storage/tables/objects.ts'
import type { Context } from './context.ts'
import type { PackageHead, Who } from './model.ts'
import { headOf } from './package-head.ts'
import type { Packages } from './packages.ts'

/**
 * Blobs by digest, for those who may read a package that has them, or had them before they were unpublished. What no package has is on its way into
 * one: who knows its digest sent it.
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
    const isNew = holders.length === 0 && !(await isStaged(sql.read, digest))
    if (!isPublic && !isNew && (await this.#packages.readable(who, holders)).length === 0)
      fail('NOT_FOUND', { what: digest })
    // What is new may become a private package's: no shared cache is to keep it.
    return { size: stat.size, access: isPublic ? 'public' : 'restricted' }
  }
}
