import type { Millis } from '../../base/time.ts'
import type { ChallengeRow, Reader, Tx } from '../sql/database.ts'

export function findChallenge(db: Reader, id: string): Promise<ChallengeRow | undefined> {
  return db.selectFrom('challenge').selectAll().where('id', '=', id).executeTakeFirst()
}

export function findChallengeByPoll(db: Reader, poll: string): Promise<ChallengeRow | undefined> {
  return db.selectFrom('challenge').selectAll().where('poll', '=', poll).executeTakeFirst()
}

export async function insertChallenge(tx: Tx, row: ChallengeRow): Promise<void> {
  await tx.insertInto('challenge').values(row).execute()
}

/** Answers a challenge that is still open; tells whether it was. */
export async function answerChallenge(
  tx: Tx,
  id: string,
  answer: Partial<Pick<ChallengeRow, 'account_id' | 'allowed_at' | 'denied_at'>>,
): Promise<boolean> {
  const result = await tx
    .updateTable('challenge')
    .set(answer)
    .where('id', '=', id)
    .where('allowed_at', 'is', null)
    .where('denied_at', 'is', null)
    .executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Takes an allowed challenge away: of all who ask, exactly one gets the row. */
export function takeChallenge(tx: Tx, poll: string, now: Millis): Promise<ChallengeRow | undefined> {
  return tx
    .deleteFrom('challenge')
    .where('poll', '=', poll)
    .where('allowed_at', 'is not', null)
    .where('expires_at', '>', now)
    .returningAll()
    .executeTakeFirst()
}

export async function deleteExpiredChallenges(tx: Tx, now: Millis): Promise<void> {
  await tx.deleteFrom('challenge').where('expires_at', '<=', now).execute()
}
