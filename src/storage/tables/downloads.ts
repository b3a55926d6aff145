import type { Day } from '../../base/time.ts'
import type { DayFigureRow, DownloadRow, PopularityRow } from '../sql/counts.ts'
import type { PackageRow, Reader, Tx } from '../sql/database.ts'

/** Rows of one insert; engines limit how many parameters a statement has. */
const AT_ONCE = 200

/** From the first to the last day, both included. */
export type Span = { readonly from: Day; readonly to: Day }

/** Adds to what is counted already. */
export async function addDownloads(tx: Tx, rows: readonly DownloadRow[]): Promise<void> {
  for (const some of portions(rows))
    await tx
      .insertInto('download')
      .values(some)
      .onConflict((conflict) =>
        conflict
          .columns(['package_id', 'day', 'version'])
          .doUpdateSet((eb) => ({ count: eb('download.count', '+', eb.ref('excluded.count')) })),
      )
      .execute()
}

/** Adds to what is counted already. */
export async function addPopularity(
  tx: Tx,
  rows: readonly Pick<PopularityRow, 'package_id' | 'weight'>[],
): Promise<void> {
  for (const some of portions(rows))
    await tx
      .insertInto('popularity')
      .values(some)
      .onConflict((conflict) =>
        conflict
          .column('package_id')
          .doUpdateSet((eb) => ({ weight: eb('popularity.weight', '+', eb.ref('excluded.weight')) })),
      )
      .execute()
}

/** Adds to what is counted already. */
export async function addDayFigures(tx: Tx, rows: readonly DayFigureRow[]): Promise<void> {
  for (const some of portions(rows))
    await tx
      .insertInto('day_figure')
      .values(some)
      .onConflict((conflict) =>
        conflict
          .columns(['day', 'name'])
          .doUpdateSet((eb) => ({ value: eb('day_figure.value', '+', eb.ref('excluded.value')) })),
      )
      .execute()
}

/** Replaces what was seen before on that day. */
export async function setDayFigures(tx: Tx, rows: readonly DayFigureRow[]): Promise<void> {
  await tx
    .insertInto('day_figure')
    .values(rows)
    .onConflict((conflict) =>
      conflict.columns(['day', 'name']).doUpdateSet((eb) => ({ value: eb.ref('excluded.value') })),
    )
    .execute()
}

/** Packages of these npm names that are here, mirrored ones too. */
export function listNamed(db: Reader, npmNames: readonly string[]): Promise<PackageRow[]> {
  return db
    .selectFrom('package')
    .selectAll()
    .where('host', '=', '')
    .where('npm_name', 'in', npmNames)
    .where('removed_at', 'is', null)
    .execute()
}

/** Days on which one of the packages was downloaded; without `packageIds`, one of all public ones. */
export async function downloadsByDay(
  db: Reader,
  { from, to }: Span,
  packageIds?: readonly string[],
): Promise<{ package_id: string; day: Day; count: number }[]> {
  if (packageIds?.length === 0) return []
  const rows = await db
    .selectFrom('download')
    .select(({ fn }) => ['package_id', 'day', fn.sum('count').as('count')])
    .where('day', '>=', from)
    .where('day', '<=', to)
    .where('package_id', 'in', packageIds ?? publicIds(db))
    .groupBy(['package_id', 'day'])
    .execute()
  return rows.map((row) => ({ ...row, count: Number(row.count) }))
}

/** Downloads of each package in all the days together; those without any are left out. */
export async function downloadsByPackage(
  db: Reader,
  { from, to }: Span,
  packageIds: readonly string[],
): Promise<{ package_id: string; count: number }[]> {
  if (packageIds.length === 0) return []
  const rows = await db
    .selectFrom('download')
    .select(({ fn }) => ['package_id', fn.sum('count').as('count')])
    .where('package_id', 'in', packageIds)
    .where('day', '>=', from)
    .where('day', '<=', to)
    .groupBy('package_id')
    .execute()
  return rows.map((row) => ({ ...row, count: Number(row.count) }))
}

/** Downloads of each version in all the days together; those without any are left out. */
export async function downloadsByVersion(
  db: Reader,
  { from, to }: Span,
  packageId: string,
): Promise<{ version: string; count: number }[]> {
  const rows = await db
    .selectFrom('download')
    .select(({ fn }) => ['version', fn.sum('count').as('count')])
    .where('package_id', '=', packageId)
    .where('day', '>=', from)
    .where('day', '<=', to)
    .groupBy('version')
    .orderBy('version')
    .execute()
  return rows.map((row) => ({ ...row, count: Number(row.count) }))
}

export function listDayFigures(db: Reader, { from, to }: Span): Promise<DayFigureRow[]> {
  return db
    .selectFrom('day_figure')
    .selectAll()
    .where('day', '>=', from)
    .where('day', '<=', to)
    .orderBy('day')
    .execute()
}

function publicIds(db: Reader) {
  return db.selectFrom('package').select('id').where('access', '=', 'public').where('removed_at', 'is', null)
}

function* portions<T>(rows: readonly T[]): Generator<readonly T[]> {
  for (let from = 0; from < rows.length; from += AT_ONCE) yield rows.slice(from, from + AT_ONCE)
}
