import { fail } from '../base/fault.ts'
import type { PackageName } from '../base/name.ts'
import { findAccount } from '../storage/tables/accounts.ts'
import { deleteStar, insertStar, listStarred } from '../storage/tables/stars.ts'
import type { Access } from './access.ts'
import type { Context } from './context.ts'
import type { Caller, PackageHead, Who } from './model.ts'
import { headOf } from './package-head.ts'
import type { Packages } from './packages.ts'

/** Packages that people marked for themselves. Starring changes nothing about the package. */
export class Stars {
  readonly #context: Context
  readonly #access: Access
  readonly #packages: Packages

  constructor(context: Context, parts: { access: Access; packages: Packages }) {
    this.#context = context
    this.#access = parts.access
    this.#packages = parts.packages
  }

  /** PACKAGE_NOT_FOUND. */
  async set(caller: Caller, name: PackageName, star: 'starred' | 'plain'): Promise<void> {
    const user = this.#access.writer(caller)
    const head = await this.#packages.head(async () => caller, name)
    const row = { account_id: user.id, package_id: head.id }
    const write = star === 'starred' ? insertStar : deleteStar
    await this.#context.storage.sql.transaction((tx) => write(tx, row))
  }

  /** What a user starred, as far as `who` may see it. NOT_FOUND. */
  async of(who: Who, userName: string): Promise<PackageHead[]> {
    const { read } = this.#context.storage.sql
    const account = (await findAccount(read, userName)) ?? fail('NOT_FOUND', { what: userName })
    return this.#packages.readable(who, (await listStarred(read, account.id)).map(headOf))
  }
}
