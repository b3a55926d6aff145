import type { Digest } from '../../base/digest.ts'
import type { Reader } from '../sql/database.ts'

/** What the rows of one version or document refer to; a tree refers to more, inside itself. */
export type Reference = { readonly digest: Digest; readonly isTree: boolean; readonly of: string }

const PAGE = 1000

/** Every blob that some row refers to, page by page, in no order that matters; the same blob may come often. */
export async function* listReferences(db: Reader): AsyncGenerator<Reference> {
  yield* listDocuments(db)
  yield* listStagedTarballs(db)
  for await (const row of listVersionContent(db)) {
    const of = `${row.package_id}@${row.version}`
    for (const digest of [row.tarball, row.integrity, row.readme, row.readme_html])
      if (digest !== null) yield { digest, isTree: false, of }
    if (row.tree !== null) yield { digest: row.tree, isTree: true, of }
  }
}

async function* listVersionContent(db: Reader) {
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
    yield* rows
    const last = rows.at(-1)
    if (!last || rows.length < PAGE) return
    after = last
  }
}

/** The trees and READMEs of every version that was taken apart, page by page. */
export async function* listTrees(
  db: Reader,
): AsyncGenerator<{ packageId: string; tree: Digest; readmes: Digest[] }> {
  for await (const row of listVersionContent(db))
    if (row.tree !== null)
      yield {
        packageId: row.package_id,
        tree: row.tree,
        readmes: [row.readme, row.readme_html].filter((digest) => digest !== null),
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
