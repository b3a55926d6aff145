import type { Millis } from '../../base/time.ts'
import type { AccountRow, Reader, Tx } from '../sql/database.ts'
import type { IdentityTokenRow, TrustRow } from '../sql/trust.ts'

export type TrustWithAccount = TrustRow & Pick<AccountRow, 'name' | 'disabled_at'>

/** Of one package, oldest first, with the account each publishes for. */
export function listTrust(db: Reader, packageName: string): Promise<TrustWithAccount[]> {
  return db
    .selectFrom('trust')
    .innerJoin('account', 'account.id', 'trust.account_id')
    .selectAll('trust')
    .select(['account.name', 'account.disabled_at'])
    .where('trust.package_name', '=', packageName)
    .orderBy('trust.created_at')
    .orderBy('trust.id')
    .execute()
}

export async function insertTrust(tx: Tx, row: TrustRow): Promise<void> {
  await tx.insertInto('trust').values(row).execute()
}

/** With the tokens given by it. Tells whether the package had such a rule. */
export async function deleteTrust(tx: Tx, packageName: string, id: string): Promise<boolean> {
  const rule = await tx
    .selectFrom('trust')
    .select('id')
    .where('id', '=', id)
    .where('package_name', '=', packageName)
    .executeTakeFirst()
  if (!rule) return false
  await tx.deleteFrom('token').where('trust_id', '=', id).execute()
  await tx.deleteFrom('trust').where('id', '=', id).execute()
  return true
}

/** Throws Conflict when it was taken before. */
export async function insertIdentityToken(tx: Tx, row: IdentityTokenRow): Promise<void> {
  await tx.insertInto('identity_token').values(row).execute()
}

/** Forgets identity tokens that nobody could use again, and tokens given for them that ended. */
export async function deleteExpiredTrust(tx: Tx, now: Millis): Promise<void> {
  await tx.deleteFrom('identity_token').where('expires_at', '<', now).execute()
  await tx.deleteFrom('token').where('trust_id', 'is not', null).where('expires_at', '<', now).execute()
}
