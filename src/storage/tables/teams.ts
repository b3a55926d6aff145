import type { PackageRow, Reader, Tx } from '../sql/database.ts'
import type { TeamPackageRow, TeamRow } from '../sql/team.ts'

/** A team, which npm writes `namespace:team`. */
export type TeamKey = { readonly namespace: string; readonly team: string }
export type Permission = TeamPackageRow['permission']
export type GrantRow = PackageRow & Pick<TeamPackageRow, 'team' | 'permission'>

export async function hasTeam(db: Reader, { namespace, team }: TeamKey): Promise<boolean> {
  const row = await db
    .selectFrom('team')
    .select('name')
    .where('namespace', '=', namespace)
    .where('name', '=', team)
    .executeTakeFirst()
  return row !== undefined
}

/** The names of a namespace's teams; `developers` among them where it was ever granted something. */
export async function listTeams(db: Reader, namespace: string): Promise<string[]> {
  const rows = await db
    .selectFrom('team')
    .select('name')
    .where('namespace', '=', namespace)
    .orderBy('name')
    .execute()
  return rows.map((row) => row.name)
}

/** Tells whether it was not there yet. */
export async function insertTeam(tx: Tx, row: TeamRow): Promise<boolean> {
  const result = await tx
    .insertInto('team')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  return (result.numInsertedOrUpdatedRows ?? 0n) > 0n
}

/** With its members and grants. Tells whether it was there. */
export async function deleteTeam(tx: Tx, { namespace, team }: TeamKey): Promise<boolean> {
  const result = await tx
    .deleteFrom('team')
    .where('namespace', '=', namespace)
    .where('name', '=', team)
    .executeTakeFirst()
  return result.numDeletedRows > 0n
}

/** Who is in which team of a namespace, by name of the member. */
export function listTeamMembers(db: Reader, namespace: string): Promise<{ team: string; name: string }[]> {
  return db
    .selectFrom('team_member')
    .innerJoin('account', 'account.id', 'team_member.account_id')
    .select(['team_member.team', 'account.name'])
    .where('team_member.namespace', '=', namespace)
    .orderBy('account.name')
    .execute()
}

/** Tells whether the account was not in it yet. */
export async function insertTeamMember(
  tx: Tx,
  { namespace, team }: TeamKey,
  accountId: string,
): Promise<boolean> {
  const result = await tx
    .insertInto('team_member')
    .values({ namespace, team, account_id: accountId })
    .onConflict((conflict) => conflict.doNothing())
    .executeTakeFirst()
  return (result.numInsertedOrUpdatedRows ?? 0n) > 0n
}

/** Tells whether the account was in it. */
export async function deleteTeamMember(
  tx: Tx,
  { namespace, team }: TeamKey,
  accountId: string,
): Promise<boolean> {
  const result = await tx
    .deleteFrom('team_member')
    .where('namespace', '=', namespace)
    .where('team', '=', team)
    .where('account_id', '=', accountId)
    .executeTakeFirst()
  return result.numDeletedRows > 0n
}

/** What the teams of a namespace were granted, by name of the package. */
export function listGrants(db: Reader, namespace: string): Promise<GrantRow[]> {
  return db
    .selectFrom('team_package')
    .innerJoin('package', 'package.id', 'team_package.package_id')
    .selectAll('package')
    .select(['team_package.team', 'team_package.permission'])
    .where('team_package.namespace', '=', namespace)
    .where('package.removed_at', 'is', null)
    .orderBy('package.npm_name')
    .execute()
}

export async function findGrant(
  db: Reader,
  packageId: string,
  { namespace, team }: TeamKey,
): Promise<Permission | undefined> {
  const row = await db
    .selectFrom('team_package')
    .select('permission')
    .where('package_id', '=', packageId)
    .where('namespace', '=', namespace)
    .where('team', '=', team)
    .executeTakeFirst()
  return row?.permission
}

/** Gives or changes: the row stands as given afterwards. */
export async function upsertGrant(tx: Tx, row: TeamPackageRow): Promise<void> {
  const { permission, granted_by, granted_at } = row
  await tx
    .insertInto('team_package')
    .values(row)
    .onConflict((conflict) =>
      conflict
        .columns(['package_id', 'namespace', 'team'])
        .doUpdateSet({ permission, granted_by, granted_at }),
    )
    .execute()
}

export async function deleteGrant(tx: Tx, packageId: string, { namespace, team }: TeamKey): Promise<void> {
  await tx
    .deleteFrom('team_package')
    .where('package_id', '=', packageId)
    .where('namespace', '=', namespace)
    .where('team', '=', team)
    .execute()
}
