import type { PackageRow, Reader, Sql, Tx } from '../../src/storage/sql/database.ts'

/** A package row to vary. */
export const box: PackageRow = {
  id: 'p1',
  host: '',
  npm_name: '@kim/box',
  namespace: 'kim',
  name: 'box',
  source: 'local',
  access: 'public',
  revision: 1,
  require_tfa_at: null,
  created_at: 1_800_000_000_000,
  modified_at: 1_800_000_000_000,
  yanked_at: null,
  removed_at: null,
}

export async function insertPackages(sql: Sql, ...changes: Partial<PackageRow>[]): Promise<void> {
  const rows = changes.map((change) => ({ ...box, npm_name: change.id ?? box.npm_name, ...change }))
  await sql.transaction((tx) => tx.insertInto('package').values(rows).execute())
}

export const insertNamespace = (tx: Tx, name: string) =>
  tx.insertInto('namespace').values({ name, created_at: 1, created_by: null }).execute()

/** Those that a test made; built-in ones are of no time. */
export const namespaces = (db: Reader) =>
  db.selectFrom('namespace').select('name').where('created_at', '>', 0).execute()

export const findBox = (sql: Sql) =>
  sql.read.selectFrom('package').selectAll().where('id', '=', 'p1').executeTakeFirst()
