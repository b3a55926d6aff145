import type { Millis } from '../../base/time.ts'
import type { PasskeyRow, Reader, Tx } from '../sql/database.ts'

export function findPasskey(db: Reader, id: string): Promise<PasskeyRow | undefined> {
  return db.selectFrom('passkey').selectAll().where('id', '=', id).executeTakeFirst()
}

export function listPasskeys(db: Reader, accountId: string): Promise<PasskeyRow[]> {
  return db
    .selectFrom('passkey')
    .selectAll()
    .where('account_id', '=', accountId)
    .orderBy('created_at')
    .orderBy('id')
    .execute()
}

/** Throws Conflict when it is somebody's already. */
export async function insertPasskey(tx: Tx, row: PasskeyRow): Promise<void> {
  await tx.insertInto('passkey').values(row).execute()
}

export async function touchPasskey(
  tx: Tx,
  id: string,
  { counter, at }: { counter: number; at: Millis },
): Promise<void> {
  await tx.updateTable('passkey').set({ counter, used_at: at }).where('id', '=', id).execute()
}

export async function deletePasskey(tx: Tx, id: string, accountId: string): Promise<void> {
  await tx.deleteFrom('passkey').where('id', '=', id).where('account_id', '=', accountId).execute()
}
