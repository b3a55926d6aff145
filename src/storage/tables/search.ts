import type { PackageRow, Reader } from '../sql/database.ts'

/** A package with the manifest of its latest version, as far as one is stored: mirrored ones have theirs in the upstream document. */
export type Candidate = PackageRow & { readonly manifest: string | null }

/**
 * Packages here that hold every word in their name or in their latest manifest, in capitals or not. A word's `%` and `_` stand for
 * anything, so more may be found than was asked for.
 */
export function listCandidates(db: Reader, words: readonly string[]): Promise<Candidate[]> {
  let query = db
    .selectFrom('package')
    .leftJoin('tag', (on) => on.onRef('tag.package_id', '=', 'package.id').on('tag.tag', '=', 'latest'))
    .leftJoin('version', (on) =>
      on
        .onRef('version.package_id', '=', 'package.id')
        .onRef('version.version', '=', 'tag.version')
        .on('version.yanked_at', 'is', null),
    )
    .selectAll('package')
    .select('version.manifest')
    .where('package.host', '=', '')
    .where('package.removed_at', 'is', null)
  for (const word of words) {
    // Backslashes escape in Postgres and are none of a name's signs.
    const pattern = `%${word.replaceAll('\\', '_')}%`
    query = query.where((is) =>
      is.or([
        is(is.fn('lower', ['package.npm_name']), 'like', pattern),
        is(is.fn('lower', ['version.manifest']), 'like', pattern),
      ]),
    )
  }
  return query.orderBy('package.npm_name').execute()
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
