import type { PackageRow, Reader, Tx } from '../sql/database.ts'
import type { StagedRow } from '../sql/staged.ts'
import { heldBy } from './rights.ts'

export type StagedWithAccount = StagedRow & {
  readonly account: string
  /** Who may read the package now; null as long as there is none. */
  readonly package_access: PackageRow['access'] | null
}

export type StagedQuery = {
  /** What this account staged, or what was staged of packages it may publish; absent: everything. */
  readonly accountId?: string
  readonly id?: string
  readonly npmName?: string
}

/** Newest first. */
export function listStaged(
  db: Reader,
  { accountId, id, npmName }: StagedQuery,
): Promise<StagedWithAccount[]> {
  let query = db
    .selectFrom('staged')
    .innerJoin('account', 'account.id', 'staged.account_id')
    .leftJoin('package', (join) =>
      join.onRef('package.npm_name', '=', 'staged.npm_name').on('package.host', '=', ''),
    )
    .selectAll('staged')
    .select(['account.name as account', 'package.access as package_access'])
    .orderBy('staged.created_at', 'desc')
    .orderBy('staged.id')
  if (id !== undefined) query = query.where('staged.id', '=', id)
  if (npmName !== undefined) query = query.where('staged.npm_name', '=', npmName)
  if (accountId === undefined) return query.execute()
  const writable = db
    .selectFrom('package')
    .select('npm_name')
    .where('host', '=', '')
    .where('id', 'in', heldBy(db, accountId, 'write'))
  return query
    .where(({ or, eb }) =>
      or([eb('staged.account_id', '=', accountId), eb('staged.npm_name', 'in', writable)]),
    )
    .execute()
}

/** Which staged version has this number, if one has. */
export async function stagedId(db: Reader, npmName: string, version: string): Promise<string | undefined> {
  const row = await db
    .selectFrom('staged')
    .select('id')
    .where('npm_name', '=', npmName)
    .where('version', '=', version)
    .executeTakeFirst()
  return row?.id
}

/** Throws Conflict when the number is staged already. */
export async function insertStaged(tx: Tx, row: StagedRow): Promise<void> {
  await tx.insertInto('staged').values(row).execute()
}

/** Tells whether it was there. */
export async function deleteStaged(tx: Tx, id: string): Promise<boolean> {
  const result = await tx.deleteFrom('staged').where('id', '=', id).executeTakeFirst()
  return result.numDeletedRows > 0n
}
