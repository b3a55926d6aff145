import type { AuditRow, Reader, Tx } from '../sql/database.ts'

export async function appendAudit(tx: Tx, row: Omit<AuditRow, 'seq'>): Promise<void> {
  await tx.insertInto('audit').values(row).execute()
}

export type AuditQuery = {
  /** Only what this account did, by name. */
  readonly actor?: string
  /** Only this action, or every one of its family: `token` is `token.create` and `token.revoke`. */
  readonly action?: string
  /** Only what was done to this. */
  readonly subject?: string
  /** Only entries older than this one. */
  readonly before?: number
  readonly limit: number
}

/** Newest first. */
export function listAudit(
  db: Reader,
  { actor, action, subject, before, limit }: AuditQuery,
): Promise<AuditRow[]> {
  let query = db.selectFrom('audit').selectAll().orderBy('seq', 'desc').limit(limit)
  if (actor !== undefined) query = query.where('actor', '=', actor)
  if (subject !== undefined) query = query.where('subject', '=', subject)
  if (action !== undefined)
    query = query.where((is) =>
      is.or([
        is('action', '=', action),
        is.and([is('action', '>', `${action}.`), is('action', '<', `${action}/`)]),
      ]),
    )
  if (before !== undefined) query = query.where('seq', '<', before)
  return query.execute()
}
