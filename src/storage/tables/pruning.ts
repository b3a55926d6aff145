import type { Day, Millis } from '../../base/time.ts'
import type { Tx } from '../sql/database.ts'

/** Deletes what is past its time; resolves to how many rows that were. */
export async function deleteExpired(
  tx: Tx,
  table: 'session' | 'challenge' | 'invitation_link',
  before: Millis,
): Promise<number> {
  const { numDeletedRows } = await tx
    .deleteFrom(table)
    .where('expires_at', '<=', before)
    .executeTakeFirstOrThrow()
  return Number(numDeletedRows)
}

/** Shortens the log; resolves to how many entries that were. */
export async function deleteAuditBefore(tx: Tx, before: Millis): Promise<number> {
  const { numDeletedRows } = await tx.deleteFrom('audit').where('at', '<', before).executeTakeFirstOrThrow()
  return Number(numDeletedRows)
}

/** Forgets what was counted on earlier days; resolves to how many rows that were. */
export async function deleteCountsBefore(tx: Tx, day: Day): Promise<number> {
  const tables = ['download', 'day_figure'] as const
  let count = 0
  for (const table of tables) {
    const { numDeletedRows } = await tx.deleteFrom(table).where('day', '<', day).executeTakeFirstOrThrow()
    count += Number(numDeletedRows)
  }
  return count
}
