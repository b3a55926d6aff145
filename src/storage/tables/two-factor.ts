import type { Reader, SecondFactorRow, Tx } from '../sql/database.ts'

export function findSecondFactor(db: Reader, accountId: string): Promise<SecondFactorRow | undefined> {
  return db.selectFrom('second_factor').selectAll().where('account_id', '=', accountId).executeTakeFirst()
}

export async function upsertSecondFactor(tx: Tx, row: SecondFactorRow): Promise<void> {
  const { account_id: _, ...change } = row
  await tx
    .insertInto('second_factor')
    .values(row)
    .onConflict((at) => at.column('account_id').doUpdateSet(change))
    .execute()
}

export async function updateSecondFactor(
  tx: Tx,
  accountId: string,
  change: Partial<Pick<SecondFactorRow, 'mode' | 'confirmed_at'>>,
): Promise<void> {
  await tx.updateTable('second_factor').set(change).where('account_id', '=', accountId).execute()
}

/** Notes that the code of this step was used; false when it, or a later one, was used before. */
export async function spendStep(tx: Tx, accountId: string, step: number): Promise<boolean> {
  const result = await tx
    .updateTable('second_factor')
    .set({ last_step: step })
    .where('account_id', '=', accountId)
    .where('last_step', '<', step)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

export async function deleteSecondFactor(tx: Tx, accountId: string): Promise<void> {
  await tx.deleteFrom('recovery_code').where('account_id', '=', accountId).execute()
  await tx.deleteFrom('second_factor').where('account_id', '=', accountId).execute()
}

/** Replaces all recovery codes of an account. */
export async function replaceRecoveryCodes(
  tx: Tx,
  accountId: string,
  hashes: readonly string[],
): Promise<void> {
  await tx.deleteFrom('recovery_code').where('account_id', '=', accountId).execute()
  const rows = hashes.map((hash) => ({ account_id: accountId, hash }))
  await tx.insertInto('recovery_code').values(rows).execute()
}

/** Uses a recovery code up; false when there is no such code. */
export async function spendRecoveryCode(tx: Tx, accountId: string, hash: string): Promise<boolean> {
  const result = await tx
    .deleteFrom('recovery_code')
    .where('account_id', '=', accountId)
    .where('hash', '=', hash)
    .executeTakeFirst()
  return result.numDeletedRows > 0n
}

export async function countRecoveryCodes(db: Reader, accountId: string): Promise<number> {
  const row = await db
    .selectFrom('recovery_code')
    .select((eb) => eb.fn.countAll<number>().as('count'))
    .where('account_id', '=', accountId)
    .executeTakeFirstOrThrow()
  return row.count
}
