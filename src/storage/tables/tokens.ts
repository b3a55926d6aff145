import type { Millis } from '../../base/time.ts'
import type { AccountRow, Reader, TokenRow, Tx } from '../sql/database.ts'
import type { TrustRow } from '../sql/trust.ts'

export type TokenWithAccount = TokenRow &
  Pick<AccountRow, 'name' | 'role' | 'disabled_at'> & {
    /** Of the rule that a trusted build got it by. */
    readonly trust_type: TrustRow['type'] | null
    readonly permissions: string | null
  }

/** The token of this hash with what is needed of its account. */
export function findTokenByHash(db: Reader, hash: string): Promise<TokenWithAccount | undefined> {
  return db
    .selectFrom('token')
    .innerJoin('account', 'account.id', 'token.account_id')
    .leftJoin('trust', 'trust.id', 'token.trust_id')
    .selectAll('token')
    .select(['account.name', 'account.role', 'account.disabled_at'])
    .select(['trust.type as trust_type', 'trust.permissions'])
    .where('token.hash', '=', hash)
    .executeTakeFirst()
}

/** Newest first; of one account, or of all when `accountId` is undefined. */
export function listTokens(
  db: Reader,
  accountId: string | undefined,
): Promise<(TokenRow & { name: string })[]> {
  const all = db
    .selectFrom('token')
    .innerJoin('account', 'account.id', 'token.account_id')
    .selectAll('token')
    .select('account.name')
    .orderBy('token.created_at', 'desc')
    .orderBy('token.id')
  return (accountId === undefined ? all : all.where('token.account_id', '=', accountId)).execute()
}

export async function insertToken(tx: Tx, row: TokenRow): Promise<void> {
  await tx.insertInto('token').values(row).execute()
}

/** Tells whether there was such a token. */
export async function deleteToken(tx: Tx, id: string): Promise<boolean> {
  const result = await tx.deleteFrom('token').where('id', '=', id).executeTakeFirst()
  return result.numDeletedRows > 0n
}

export async function deleteTokensOf(tx: Tx, accountId: string): Promise<void> {
  await tx.deleteFrom('token').where('account_id', '=', accountId).execute()
}

/** Notes when tokens were last used; callers batch. */
export async function touchTokens(tx: Tx, ids: readonly string[], at: Millis): Promise<void> {
  await tx.updateTable('token').set({ used_at: at }).where('id', 'in', ids).execute()
}
