import type { Millis } from '../../base/time.ts'
import type { AccountRow, Reader, SessionRow, Tx } from '../sql/database.ts'

export function findSession(db: Reader, id: string, now: Millis): Promise<SessionRow | undefined> {
  return db
    .selectFrom('session')
    .selectAll()
    .where('id', '=', id)
    .where('expires_at', '>', now)
    .executeTakeFirst()
}

/** The account of a session that has not ended, with when it was last used. */
export function findSessionAccount(
  db: Reader,
  id: string,
  now: Millis,
): Promise<(AccountRow & { used_at: Millis }) | undefined> {
  return db
    .selectFrom('session')
    .innerJoin('account', 'account.id', 'session.account_id')
    .selectAll('account')
    .select('session.used_at')
    .where('session.id', '=', id)
    .where('session.expires_at', '>', now)
    .executeTakeFirst()
}

/** Those of one account that have not ended, last used first. */
export function listSessions(db: Reader, accountId: string, now: Millis): Promise<SessionRow[]> {
  return db
    .selectFrom('session')
    .selectAll()
    .where('account_id', '=', accountId)
    .where('expires_at', '>', now)
    .orderBy('used_at', 'desc')
    .orderBy('id')
    .execute()
}

export async function insertSession(tx: Tx, row: SessionRow): Promise<void> {
  await tx.insertInto('session').values(row).execute()
}

/** Changes everything but when it began, if it is there. */
export async function updateSession(tx: Tx, { created_at: _, ...row }: SessionRow): Promise<void> {
  await tx.updateTable('session').set(row).where('id', '=', row.id).execute()
}

export async function touchSession(tx: Tx, id: string, at: Millis): Promise<void> {
  await tx.updateTable('session').set({ used_at: at }).where('id', '=', id).execute()
}

export async function deleteSession(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('session').where('id', '=', id).execute()
}

/** Ends the sessions of an account, all but `except`. */
export async function deleteSessionsOf(tx: Tx, accountId: string, except: string | undefined): Promise<void> {
  const all = tx.deleteFrom('session').where('account_id', '=', accountId)
  await (except === undefined ? all : all.where('id', '<>', except)).execute()
}

export async function deleteExpiredSessions(tx: Tx, now: Millis): Promise<void> {
  await tx.deleteFrom('session').where('expires_at', '<=', now).execute()
}
