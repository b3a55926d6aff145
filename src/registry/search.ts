import { isFault } from '../base/fault.ts'
import { type Found, findEntries, listNamesFound, listNewest, type Viewer } from '../storage/tables/search.ts'
import type { Context } from './context.ts'
import type { Documents } from './documents.ts'
import type { PackageHead, Who } from './model.ts'
import { headOf } from './package-head.ts'
import type { Packages } from './packages.ts'
import { SearchIndex } from './search-index.ts'
import { keywordsOf, termsAsked, textIn } from './search-terms.ts'

/** A package in a list. */
export type Hit = {
  readonly head: PackageHead
  /** undefined: nothing is published (any more), or the upstream document cannot be read. */
  readonly latest: string | undefined
  readonly description: string | undefined
  readonly keywords: readonly string[]
  /** ISO date of `latest`. */
  readonly date: string | undefined
}

export type Hits = { readonly total: number; readonly hits: readonly Hit[] }

const MAX_WORDS = 8

/** Finding packages that are here, mirrored ones too. */
export class Search {
  readonly #context: Context
  readonly #packages: Packages
  readonly #documents: Documents
  readonly #index: SearchIndex

  constructor(context: Context, parts: { packages: Packages; documents: Documents }) {
    this.#context = context
    this.#packages = parts.packages
    this.#documents = parts.documents
    this.#index = new SearchIndex(context, parts.documents)
  }

  /**
   * Packages that are found by every word of `text` – in name, keywords or description, or by npm's qualifiers `keywords:`, `author:`,
   * `scope:` and `maintainer:` –, exact names first. No words find everything, by name.
   */
  async find(who: Who, text: string, { from, limit }: { from: number; limit: number }): Promise<Hits> {
    await this.#index.current()
    const terms = termsOfSearch(text)
    const { read } = this.#context.storage.sql
    const rows = await findEntries(read, terms, { viewer: await viewerOf(who), from, limit })
    // Past the last page no row tells the total.
    const total =
      rows[0]?.total ?? (from === 0 ? 0 : (await this.find(who, text, { from: 0, limit: 1 })).total)
    return { total, hits: rows.map(hitOf) }
  }

  /** Those of these npm names that find() finds by `text`, on whatever page. */
  async found(who: Who, text: string, names: readonly string[]): Promise<ReadonlySet<string>> {
    if (names.length === 0) return new Set()
    const { read } = this.#context.storage.sql
    return new Set(await listNamesFound(read, termsOfSearch(text), { viewer: await viewerOf(who), names }))
  }

  /** Takes in what changed, so that the next search does not wait for it. */
  catchUp(): Promise<void> {
    return this.#index.current()
  }

  /** Ends what goes on in the background. */
  close(): Promise<void> {
    return this.#index.close()
  }

  /** Packages published here that changed last; fewer when `who` may not see some of them. */
  async newest(who: Who, limit: number): Promise<Hit[]> {
    const rows = await listNewest(this.#context.storage.sql.read, limit)
    return this.describe(await this.#packages.readable(who, rows.map(headOf)))
  }

  /** What a list says about each of these packages; reads what each says as a whole. */
  describe(heads: readonly PackageHead[]): Promise<Hit[]> {
    return Promise.all(heads.map((head) => this.#describe(head)))
  }

  async #describe(head: PackageHead): Promise<Hit> {
    try {
      const { root, tags, time } = await this.#documents.face(head)
      const { latest } = tags
      const description = textIn(root.description)
      const keywords = keywordsOf(root)
      return { head, latest, description, keywords, date: latest === undefined ? undefined : time[latest] }
    } catch (error) {
      if (!isFault(error)) throw error
      return { head, latest: undefined, description: undefined, keywords: [], date: undefined }
    }
  }
}

const termsOfSearch = (text: string) => termsAsked(text).slice(0, MAX_WORDS)

/** A token limited to some packages sees what everybody sees. */
async function viewerOf(who: Who): Promise<Viewer> {
  const caller = await who()
  if (caller.kind === 'anonymous' || caller.limits) return 'anybody'
  return caller.admin ? 'admin' : { accountId: caller.id }
}

function hitOf(row: Found): Hit {
  return {
    head: headOf(row),
    latest: row.latest ?? undefined,
    description: row.description ?? undefined,
    // We wrote it ourselves.
    keywords: JSON.parse(row.keywords) as string[],
    date: row.date ?? undefined,
  }
}
