import type { Millis } from '../../base/time.ts'
import type { AdvisoryRow } from '../sql/advisory.ts'
import type { Reader, Tx } from '../sql/database.ts'

/** The advisories about these npm names. */
export function listAdvisories(db: Reader, names: readonly string[]): Promise<AdvisoryRow[]> {
  return db
    .selectFrom('advisory')
    .selectAll()
    .where('package_name', 'in', names)
    .orderBy('package_name')
    .orderBy('id')
    .execute()
}

export function listAdvisoriesById(db: Reader, ids: readonly string[]): Promise<AdvisoryRow[]> {
  return db.selectFrom('advisory').selectAll().where('id', 'in', ids).execute()
}

export async function hasAdvisories(db: Reader): Promise<boolean> {
  return (await db.selectFrom('advisory').select('id').limit(1).executeTakeFirst()) !== undefined
}

export async function countAdvisories(db: Reader): Promise<number> {
  const row = await db
    .selectFrom('advisory')
    .select((of) => of.fn.countAll<number>().as('count'))
    .executeTakeFirstOrThrow()
  return Number(row.count)
}

export async function deleteAdvisories(tx: Tx, ids: readonly string[]): Promise<void> {
  await tx.deleteFrom('advisory').where('id', 'in', ids).execute()
}

export async function insertAdvisories(tx: Tx, rows: readonly AdvisoryRow[]): Promise<void> {
  await tx.insertInto('advisory').values(rows).execute()
}

/** Mirrored packages of these names are rendered anew. */
export async function bumpMirrored(tx: Tx, names: readonly string[], at: Millis): Promise<void> {
  await tx
    .updateTable('package')
    .set((of) => ({ revision: of('revision', '+', 1), modified_at: at }))
    .where('npm_name', 'in', names)
    .where('source', '=', 'mirror')
    .execute()
}
