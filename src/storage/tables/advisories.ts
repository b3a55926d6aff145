import type { Reader } from '../sql/database.ts'

/** Of these npm names those published here. */
export async function listLocalNames(db: Reader, names: readonly string[]): Promise<string[]> {
  const rows = await db
    .selectFrom('package')
    .select('npm_name')
    .where('source', '=', 'local')
    .where('npm_name', 'in', names)
    .execute()
  return rows.map((row) => row.npm_name)
}

/** Of these scopes (without the @) those that are namespaces here. */
export async function listClaimedScopes(db: Reader, scopes: readonly string[]): Promise<string[]> {
  const rows = await db.selectFrom('namespace').select('name').where('name', 'in', scopes).execute()
  return rows.map((row) => row.name)
}
