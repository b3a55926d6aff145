import { Fault, fail } from '../base/fault.ts'
import type { PackageName } from '../base/name.ts'
import type { AccountRow, Tx } from '../storage/sql/database.ts'
import { findAccount, findMembership } from '../storage/tables/accounts.ts'
import {
  bumpPackage,
  deleteMaintainer,
  listMaintainers,
  upsertMaintainer,
} from '../storage/tables/packages.ts'
import { listAccountsWith } from '../storage/tables/rights.ts'
import type { Access } from './access.ts'
import { tell } from './audit.ts'
import type { Context } from './context.ts'
import type { Caller, User, Who } from './model.ts'
import { checkRevision, type Packages } from './packages.ts'

export type Owner = Pick<AccountRow, 'name' | 'email'>

/**
 * npm's owners, on top of maintainers: an owner is an account that maintains a package, by itself or as a member of a namespace. Adding one
 * makes the namespace of its own name a maintainer, at once, as npm's users expect.
 */
export class Owners {
  readonly #context: Context
  readonly #access: Access
  readonly #packages: Packages

  constructor(context: Context, parts: { access: Access; packages: Packages }) {
    this.#context = context
    this.#access = parts.access
    this.#packages = parts.packages
  }

  /** PACKAGE_NOT_FOUND. Mirrored packages have no owners here. */
  async list(who: Who, name: PackageName): Promise<Owner[]> {
    const head = await this.#packages.head(who, name)
    return listAccountsWith(this.#context.storage.sql.read, head.id, 'manage')
  }

  /**
   * Makes exactly these accounts the owners; `revision` is what the caller last saw. STALE_REVISION; NOT_FOUND for an unknown account;
   * CONFLICT when nobody would be left, or for an owner who is one as a member of a namespace.
   */
  async replace(
    caller: Caller,
    name: PackageName,
    { names, revision }: { names: readonly string[]; revision: number },
  ): Promise<void> {
    await this.#change(caller, name, {
      revision,
      owners: (known) => ({
        add: names.filter((one) => !known.includes(one)),
        remove: known.filter((one) => !names.includes(one)),
      }),
    })
  }

  /** As replace; quiet for who is an owner already. */
  async add(caller: Caller, name: PackageName, owner: string): Promise<void> {
    const owners = (known: readonly string[]) => ({ add: known.includes(owner) ? [] : [owner], remove: [] })
    await this.#change(caller, name, { owners })
  }

  /** As replace; quiet for who is none. */
  async remove(caller: Caller, name: PackageName, owner: string): Promise<void> {
    const owners = (known: readonly string[]) => ({ add: [], remove: known.includes(owner) ? [owner] : [] })
    await this.#change(caller, name, { owners })
  }

  async #change(
    caller: Caller,
    name: PackageName,
    { owners, revision }: { owners: (known: string[]) => Edit; revision?: number },
  ): Promise<void> {
    const by = this.#access.writer(caller)
    const head = await this.#packages.writable(caller, name)
    const now = this.#context.clock.now()
    await this.#context.storage.sql.transaction(async (tx) => {
      const row = await bumpPackage(tx, head.id, now)
      if (revision !== undefined) checkRevision(row, revision)
      const { add, remove } = owners(await namesOf(tx, head.id))
      for (const one of add) await this.#add(tx, head.id, { owner: one, by, now })
      for (const one of remove) await deleteMaintainer(tx, head.id, one)
      if (add.length + remove.length === 0) return
      checkLeft(head.npmName, remove, {
        accounts: await namesOf(tx, head.id),
        rows: await listMaintainers(tx, head.id),
      })
      await tell(tx, by, {
        of: head,
        at: now,
        kind: 'maintainer',
        detail: { added: add, removed: remove, by: by.name },
      })
    })
  }

  async #add(
    tx: Tx,
    packageId: string,
    { owner, by, now }: { owner: string; by: User; now: number },
  ): Promise<void> {
    const account = await findAccount(tx, owner)
    const own = account && (await findMembership(tx, account.name, account.id))
    // Without a namespace of one's own name, others would be let in under it.
    if (!account || account.disabled_at !== null || !own?.accepted_at)
      return fail('NOT_FOUND', { what: owner })
    const stamps = { invited_by: by.id, invited_at: now, accepted_at: now, invitation: null }
    await upsertMaintainer(tx, { package_id: packageId, namespace: account.name, ...stamps })
  }
}

type Edit = { readonly add: readonly string[]; readonly remove: readonly string[] }

async function namesOf(tx: Tx, packageId: string): Promise<string[]> {
  return (await listAccountsWith(tx, packageId, 'manage')).map(({ name }) => name)
}

/** Somebody must be left, and who was to go must be gone. */
function checkLeft(
  npmName: string,
  removed: readonly string[],
  left: { accounts: readonly string[]; rows: readonly { namespace: string }[] },
): void {
  const still = removed.find((name) => left.accounts.includes(name))
  const through = left.rows.map(({ namespace }) => namespace).join(', ')
  if (still !== undefined)
    throw new Fault('CONFLICT', {
      why: `${still} maintains ${npmName} as a member of ${through}. Remove ${still} there, or that maintainer.`,
    })
  if (left.accounts.length === 0)
    throw new Fault('CONFLICT', { why: `The last owner of ${npmName} cannot be removed.` })
}
