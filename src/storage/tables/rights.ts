import { EVERYBODY } from '../../base/name.ts'
import type { AccountRow, PackageRow, Reader, Tx } from '../sql/database.ts'

/** What somebody may do with a package, each with what stands before it: read it though it is restricted, publish it, manage it. */
export type Right = 'read' | 'write' | 'manage'

/**
 * Which accounts have this right on which packages: the one place that says so. Members of the namespaces that maintain a package manage it;
 * members of teams read or write it, as the team was granted. A pair comes as often as there are ways to it.
 */
export function holders(db: Reader, right: Right) {
  const maintaining = db
    .selectFrom('maintainer')
    .innerJoin('membership', 'membership.namespace', 'maintainer.namespace')
    .select(['maintainer.package_id', 'membership.account_id'])
    .where('maintainer.accepted_at', 'is not', null)
    .where('membership.accepted_at', 'is not', null)
  if (right === 'manage') return maintaining
  const permissions = right === 'write' ? (['write'] as const) : (['read', 'write'] as const)
  const inTeams = db
    .selectFrom('team_package')
    .innerJoin('team_member', (on) =>
      on
        .onRef('team_member.namespace', '=', 'team_package.namespace')
        .onRef('team_member.team', '=', 'team_package.team'),
    )
    .select(['team_package.package_id', 'team_member.account_id'])
    .where('team_package.permission', 'in', permissions)
  const everybody = db
    .selectFrom('team_package')
    .innerJoin('membership', 'membership.namespace', 'team_package.namespace')
    .select(['team_package.package_id', 'membership.account_id'])
    .where('team_package.team', '=', EVERYBODY)
    .where('team_package.permission', 'in', permissions)
    .where('membership.accepted_at', 'is not', null)
  return maintaining.unionAll(inTeams).unionAll(everybody)
}

/** The packages on which an account has this right. */
export function heldBy(db: Reader, accountId: string, right: Right) {
  return db
    .selectFrom(holders(db, right).as('holder'))
    .select('holder.package_id')
    .where('holder.account_id', '=', accountId)
}

export async function hasRight(
  db: Reader,
  { packageId, accountId }: { packageId: string; accountId: string },
  right: Right,
): Promise<boolean> {
  const row = await heldBy(db, accountId, right).where('holder.package_id', '=', packageId).executeTakeFirst()
  return row !== undefined
}

/** The packages that heldBy tells of, by name; none that was unpublished. */
export function listHeld(db: Reader, accountId: string, right: Right): Promise<PackageRow[]> {
  return db
    .selectFrom('package')
    .selectAll()
    .where('id', 'in', heldBy(db, accountId, right))
    .where('removed_at', 'is', null)
    .orderBy('npm_name')
    .execute()
}

/** The accounts that have this right on a package, by name. */
export function listAccountsWith(
  db: Reader,
  packageId: string,
  right: Right,
): Promise<Pick<AccountRow, 'name' | 'email'>[]> {
  return db
    .selectFrom('account')
    .select(['name', 'email'])
    .where(
      'id',
      'in',
      db
        .selectFrom(holders(db, right).as('holder'))
        .select('holder.account_id')
        .where('holder.package_id', '=', packageId),
    )
    .orderBy('name')
    .execute()
}

/** The names of those who manage each of these packages. */
export async function listManagers(
  db: Reader,
  packageIds: readonly string[],
): Promise<{ package_id: string; name: string }[]> {
  if (packageIds.length === 0) return []
  return db
    .selectFrom(holders(db, 'manage').as('holder'))
    .innerJoin('account', 'account.id', 'holder.account_id')
    .select(['holder.package_id', 'account.name'])
    .distinct()
    .where('holder.package_id', 'in', packageIds)
    .orderBy('account.name')
    .execute()
}

/** Takes a package from everybody who had it: its maintainers and its teams. */
export async function deleteRights(tx: Tx, packageId: string): Promise<void> {
  await tx.deleteFrom('maintainer').where('package_id', '=', packageId).execute()
  await deleteGrants(tx, packageId)
}

/** Takes a package from its teams. */
export async function deleteGrants(tx: Tx, packageId: string): Promise<void> {
  await tx.deleteFrom('team_package').where('package_id', '=', packageId).execute()
}
