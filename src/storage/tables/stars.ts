import type { PackageRow, Reader, StarRow, Tx } from '../sql/database.ts'

export async function insertStar(tx: Tx, row: StarRow): Promise<void> {
  await tx
    .insertInto('star')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

export async function deleteStar(tx: Tx, row: StarRow): Promise<void> {
  await tx
    .deleteFrom('star')
    .where('account_id', '=', row.account_id)
    .where('package_id', '=', row.package_id)
    .execute()
}

/** The packages an account starred, by name. */
export function listStarred(db: Reader, accountId: string): Promise<PackageRow[]> {
  return db
    .selectFrom('star')
    .innerJoin('package', 'package.id', 'star.package_id')
    .selectAll('package')
    .where('star.account_id', '=', accountId)
    .where('package.removed_at', 'is', null)
    .orderBy('package.npm_name')
    .execute()
}
