import { sql } from 'kysely'
import type { PackageRow, Reader, Tx } from '../sql/database.ts'
import type { SearchEntryRow } from '../sql/search.ts'

/** Whose packages are looked through besides public ones: nobody's, those an account maintains, or everybody's. */
export type Viewer = 'anybody' | 'admin' | { readonly accountId: string }

export type Found = PackageRow & Omit<SearchEntryRow, 'revision' | 'package_id'> & { readonly total: number }

/**
 * Packages here that are found by every one of `terms`; by name where there are none. First those that fit best, then those downloaded
 * more – by steps, so that a few downloads more say nothing –, then those whose latest version is newer. `total` is how many there are
 * on all pages together.
 */
export function findEntries(
  db: Reader,
  terms: readonly string[],
  page: { viewer: Viewer; from: number; limit: number },
): Promise<Found[]> {
  const { viewer, from, limit } = page
  let ranked = db
    .selectFrom(scoresOf(db, terms).as('scores'))
    .innerJoin('package', 'package.id', 'scores.package_id')
    .select(['package.id', 'scores.score', 'scores.step', 'scores.date'])
    .select(sql<number>`count(*) over ()`.as('total'))
    .where('package.host', '=', '')
    .where('package.removed_at', 'is', null)
  if (viewer !== 'admin')
    ranked = ranked.where((is) =>
      is.or([
        is('package.access', '=', 'public'),
        ...(viewer === 'anybody' ? [] : [is('package.id', 'in', maintainedBy(db, viewer.accountId))]),
      ]),
    )
  // Wide rows are read for the page alone.
  const found = ranked
    .orderBy('scores.score', 'desc')
    .orderBy('scores.step', 'desc')
    .orderBy('scores.date', 'desc')
    .orderBy('package.npm_name')
    .limit(limit)
    .offset(from)
  return db
    .selectFrom(found.as('found'))
    .innerJoin('package', 'package.id', 'found.id')
    .innerJoin('search_entry', 'search_entry.package_id', 'found.id')
    .selectAll('package')
    .select(['search_entry.latest', 'search_entry.description', 'search_entry.keywords', 'search_entry.date'])
    .select('found.total')
    .orderBy('found.score', 'desc')
    .orderBy('found.step', 'desc')
    .orderBy('found.date', 'desc')
    .orderBy('package.npm_name')
    .execute()
}

/** How well each package fits that has all the terms, and what else speaks for it; alike where there are none. */
function scoresOf(db: Reader, terms: readonly string[]) {
  if (terms.length === 0)
    return db
      .selectFrom('search_entry')
      .select('package_id')
      .select([sql<number>`0`.as('score'), sql<number>`0`.as('step'), sql<string>`''`.as('date')])
  const fitting = db
    .selectFrom('search_term')
    .select(['package_id', (eb) => eb.fn.sum<number>('weight').as('score')])
    .where('term', 'in', terms)
    .groupBy('package_id')
    .having((eb) => eb.fn.countAll(), '=', terms.length)
  return db
    .selectFrom(fitting.as('fitting'))
    .innerJoin('search_entry', 'search_entry.package_id', 'fitting.package_id')
    .leftJoin('popularity', 'popularity.package_id', 'fitting.package_id')
    .select(['fitting.package_id', 'fitting.score'])
    .select([
      // Engines disagree on where null stands in an order.
      sql<number>`coalesce(floor(ln(popularity.weight)), -1)`.as('step'),
      sql<string>`coalesce(search_entry.date, '')`.as('date'),
    ])
}

function maintainedBy(db: Reader, accountId: string) {
  return db
    .selectFrom('maintainer')
    .innerJoin('membership', 'membership.namespace', 'maintainer.namespace')
    .select('maintainer.package_id')
    .where('maintainer.accepted_at', 'is not', null)
    .where('membership.account_id', '=', accountId)
    .where('membership.accepted_at', 'is not', null)
}

/** Packages with changes after `since` whose entry is of another revision, and the last change there is. */
export async function listOutdated(
  db: Reader,
  since: number,
  limit: number,
): Promise<{ rows: PackageRow[]; last: number }> {
  const changes = await db
    .selectFrom('change')
    .select(['seq', 'package_id'])
    .where('seq', '>', since)
    .orderBy('seq')
    .limit(limit)
    .execute()
  const ids = [...new Set(changes.map((change) => change.package_id))]
  const last = changes.at(-1)?.seq ?? since
  if (ids.length === 0) return { rows: [], last }
  const rows = await db
    .selectFrom('package')
    .leftJoin('search_entry', (on) =>
      on
        .onRef('search_entry.package_id', '=', 'package.id')
        .onRef('search_entry.revision', '=', 'package.revision'),
    )
    .selectAll('package')
    .where('package.id', 'in', ids)
    .where('search_entry.package_id', 'is', null)
    .execute()
  return { rows, last }
}

export async function lastChange(db: Reader): Promise<number> {
  const row = await db.selectFrom('change').select('seq').orderBy('seq', 'desc').limit(1).executeTakeFirst()
  return row?.seq ?? 0
}

/** Replaces what a package is found by. */
export async function replaceEntry(
  tx: Tx,
  row: SearchEntryRow,
  terms: ReadonlyMap<string, number>,
): Promise<void> {
  const { package_id, ...content } = row
  await tx
    .insertInto('search_entry')
    .values(row)
    .onConflict((conflict) => conflict.column('package_id').doUpdateSet(content))
    .execute()
  await tx.deleteFrom('search_term').where('package_id', '=', package_id).execute()
  const rows = [...terms].map(([term, weight]) => ({ term, package_id, weight }))
  if (rows.length > 0) await tx.insertInto('search_term').values(rows).execute()
}

/** Packages published here, those that changed last first. */
export function listNewest(db: Reader, limit: number): Promise<PackageRow[]> {
  return db
    .selectFrom('package')
    .selectAll()
    .where('source', '=', 'local')
    .where('removed_at', 'is', null)
    .orderBy('modified_at', 'desc')
    .limit(limit)
    .execute()
}
