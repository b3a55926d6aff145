import type { Digest } from '../../base/digest.ts'
import type { Reader } from '../sql/database.ts'

/** What the rows of one version or document refer to; a tree refers to more, inside itself. */
export type Reference = { readonly digest: Digest; readonly isTree: boolean; readonly of: string }

const PAGE = 1000

/** Every blob that some row refers to, page by page, in no order that matters; the same blob may come often. */
export async function* listReferences(db: Reader): AsyncGenerator<Reference> {
  yield* listDocuments(db)
  yield* listStagedTarballs(db)
  let after = { package_id: '', version: '' }
  for (;;) {
    const rows = await db
      .selectFrom('version')
      .select(['package_id', 'version', 'tarball', 'tree', 'integrity', 'readme', 'readme_html'])
      .where(({ eb, refTuple, tuple }) =>
        eb(refTuple('package_id', 'version'), '>', tuple(after.package_id, after.version)),
      )
      .orderBy('package_id')
      .orderBy('version')
      .limit(PAGE)
      .execute()
    for (const row of rows) {
      const of = `${row.package_id}@${row.version}`
      for (const digest of [row.tarball, row.integrity, row.readme, row.readme_html])
        if (digest !== null) yield { digest, isTree: false, of }
      if (row.tree !== null) yield { digest: row.tree, isTree: true, of }
    }
    const last = rows.at(-1)
    if (!last || rows.length < PAGE) return
    after = last
  }
}

async function* listStagedTarballs(db: Reader): AsyncGenerator<Reference> {
  const rows = await db.selectFrom('staged').select(['npm_name', 'version', 'tarball']).execute()
  for (const { npm_name, version, tarball } of rows)
    yield { digest: tarball, isTree: false, of: `${npm_name}@${version}` }
}

async function* listDocuments(db: Reader): AsyncGenerator<Reference> {
  const rows = await db.selectFrom('upstream_document').select(['package_id', 'document']).execute()
  for (const row of rows) yield { digest: row.document, isTree: false, of: row.package_id }
}
