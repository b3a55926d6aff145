import { Fault } from '../base/fault.ts'
import { LEGACY, type PackageName } from '../base/name.ts'
import { bumpPackage } from '../storage/tables/packages.ts'
import { tell } from './audit.ts'
import type { Context } from './context.ts'
import type { Caller, PackageHead } from './model.ts'
import type { Packages } from './packages.ts'

/** Who may read a package: everybody, or its maintainers alone. */
export class Visibility {
  readonly #context: Context
  readonly #packages: Packages

  constructor(context: Context, packages: Packages) {
    this.#context = context
    this.#packages = packages
  }

  /** BAD_REQUEST for a restricted package without scope. */
  async set(caller: Caller, name: PackageName, access: PackageHead['access']): Promise<void> {
    const head = await this.#packages.writable(caller, name)
    checkAccess(name, access)
    if (head.access === access) return
    const at = this.#context.clock.now()
    await this.#context.storage.sql.transaction(async (tx) => {
      await bumpPackage(tx, head.id, at, { access })
      await tell(tx, caller, { of: head, at, kind: 'access', detail: { access } })
    })
  }
}

/** As npm has it: who asks for a plain name expects the world's package of that name. */
export function checkAccess(name: PackageName, access: PackageHead['access'] | undefined): void {
  if (access === 'restricted' && name.namespace === LEGACY)
    throw new Fault('BAD_REQUEST', {
      why: `Can't restrict access to unscoped packages. Give ${name.name} a scope.`,
    })
}
