import { type ExpressionBuilder, sql } from 'kysely'
import type { Database, PackageRow, Reader, Tx } from '../sql/database.ts'
import type { SearchEntryRow } from '../sql/search.ts'
import { heldBy } from './rights.ts'

/** Whose packages are looked through besides public ones: nobody's, those an account may read, or everybody's. */
export type Viewer = 'anybody' | 'admin' | { readonly accountId: string }

type Page = { readonly viewer: Viewer; readonly from: number; readonly limit: number }

export type Found = PackageRow & Omit<SearchEntryRow, 'revision' | 'package_id'> & { readonly total: number }

/**
 * Packages here that are found by every one of `terms`; by name where there are none. First those that fit best, then those downloaded
 * more – by steps, so that a few downloads more say nothing –, then those whose latest version is newer. `total` is how many there are
 * on all pages together.
 */
export function findEntries(db: Reader, terms: readonly string[], page: Page): Promise<Found[]> {
  // Wide rows are read for the page alone.
  return db
    .selectFrom(terms.length === 0 ? listedByName(db, page) : rankedByFit(db, terms, page))
    .innerJoin('package', 'package.id', 'found.package_id')
    .innerJoin('search_entry', 'search_entry.package_id', 'found.package_id')
    .selectAll('package')
    .select(['search_entry.latest', 'search_entry.description', 'search_entry.keywords', 'search_entry.date'])
    .select('found.total')
    .orderBy('found.score', 'desc')
    .orderBy('found.step', 'desc')
    .orderBy('found.date', 'desc')
    .orderBy('found.tie')
    .execute()
}

/** Those of these npm names whose packages here are found by every one of `terms`, on whatever page. */
export async function listNamesFound(
  db: Reader,
  terms: readonly string[],
  { viewer, names }: { readonly viewer: Viewer; readonly names: readonly string[] },
): Promise<string[]> {
  const named = db
    .selectFrom('package')
    .select('npm_name')
    .where('host', '=', '')
    .where('npm_name', 'in', names)
    .where('id', 'not in', hiddenFrom(db, viewer))
  const fitting = (eb: ExpressionBuilder<Database, 'package'>) =>
    eb
      .selectFrom('search_term')
      .select((count) => count.fn.countAll<number>().as('count'))
      .whereRef('package_id', '=', 'package.id')
      .where('term', 'in', terms)
  const rows = await (terms.length === 0 ? named : named.where(fitting, '=', terms.length)).execute()
  return rows.map((row) => row.npm_name)
}

function rankedByFit(db: Reader, terms: readonly string[], { viewer, from, limit }: Page) {
  const fitting = db
    .selectFrom('search_term')
    .select(['package_id', (eb) => eb.fn.sum<number>('weight').as('score')])
    .where('term', 'in', terms)
    .where('package_id', 'not in', hiddenFrom(db, viewer))
    .groupBy('package_id')
    .having((eb) => eb.fn.countAll(), '=', terms.length)
  // Engines disagree on where null stands in an order.
  const step = sql<number>`coalesce(floor(ln(nullif(popularity.weight, 0))), -1)`
  const date = sql<string>`coalesce(popularity.date, '')`
  return (
    db
      .with(
        (cte) => cte('fitting').materialized(),
        () => fitting,
      )
      .selectFrom('fitting')
      .leftJoin('popularity', 'popularity.package_id', 'fitting.package_id')
      // Names stand in wide rows; any order will do that is the same on all pages.
      .select(['fitting.package_id', 'fitting.package_id as tie'])
      .select(['fitting.score', step.as('step'), date.as('date')])
      .select(sql<number>`(select count(*) from fitting)`.as('total'))
      .orderBy('score', 'desc')
      .orderBy('step', 'desc')
      .orderBy('date', 'desc')
      .orderBy('fitting.package_id')
      .limit(limit)
      .offset(from)
      .as('found')
  )
}

function listedByName(db: Reader, { viewer, from, limit }: Page) {
  const listed = db.selectFrom('package').where('host', '=', '').where('id', 'not in', hiddenFrom(db, viewer))
  return listed
    .select(['id as package_id', 'npm_name as tie'])
    .select([sql<number>`0`.as('score'), sql<number>`0`.as('step')])
    .select([
      sql<string>`''`.as('date'),
      sql<number>`(${listed.select((eb) => eb.fn.countAll().as('total'))})`.as('total'),
    ])
    .orderBy('npm_name')
    .limit(limit)
    .offset(from)
    .as('found')
}

function hiddenFrom(db: Reader, viewer: Viewer) {
  const hidden = db
    .selectFrom('package')
    .select('id')
    // Word for word as the index package_hidden has it, or SQLite would not use that.
    .where(sql<boolean>`(access <> 'public' or removed_at is not null or host <> '')`)
  if (viewer === 'anybody') return hidden
  return hidden.where((is) =>
    is.or([
      is('removed_at', 'is not', null),
      is('host', '<>', ''),
      ...(viewer === 'admin' ? [] : [is('id', 'not in', heldBy(db, viewer.accountId, 'read'))]),
    ]),
  )
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
  const { date } = row
  await tx
    .insertInto('popularity')
    .values({ package_id, weight: 0, date })
    .onConflict((conflict) => conflict.column('package_id').doUpdateSet({ date }))
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
