import { isFault } from '../base/fault.ts'
import { listCandidates, listNewest } from '../storage/tables/search.ts'
import type { Context } from './context.ts'
import type { Documents } from './documents.ts'
import type { JsonObject, PackageHead, Who } from './model.ts'
import { headOf, type Packages } from './packages.ts'

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

  constructor(context: Context, parts: { packages: Packages; documents: Documents }) {
    this.#context = context
    this.#packages = parts.packages
    this.#documents = parts.documents
  }

  /**
   * Packages that hold every word of `text`: in the name, or, if published here, in description or keywords; names first. No words
   * find everything, by name.
   */
  async find(who: Who, text: string, page: { from: number; limit: number }): Promise<Hits> {
    const words = text.toLowerCase().split(/\s+/).filter(Boolean).slice(0, MAX_WORDS)
    const rows = await listCandidates(this.#context.storage.sql.read, words)
    const ranked = rows
      .map((row) => ({ head: headOf(row), rank: rankOf(row.npm_name, manifestOf(row.manifest), words) }))
      .filter(({ rank }) => rank > 0)
      .sort((a, b) => b.rank - a.rank)
    const heads = await this.#packages.readable(
      who,
      ranked.map(({ head }) => head),
    )
    return { total: heads.length, hits: await this.describe(heads.slice(page.from, page.from + page.limit)) }
  }

  /** Packages published here that changed last; fewer when `who` may not see some of them. */
  async newest(who: Who, limit: number): Promise<Hit[]> {
    const rows = await listNewest(this.#context.storage.sql.read, limit)
    return this.describe(await this.#packages.readable(who, rows.map(headOf)))
  }

  /** What a list says about each of these packages; reads each one's document. */
  describe(heads: readonly PackageHead[]): Promise<Hit[]> {
    return Promise.all(heads.map((head) => this.#describe(head)))
  }

  async #describe(head: PackageHead): Promise<Hit> {
    try {
      const { root, tags, time } = await this.#documents.load(head)
      const { latest } = tags
      const { description, keywords } = textsOf(root)
      return { head, latest, description, keywords, date: latest === undefined ? undefined : time[latest] }
    } catch (error) {
      if (!isFault(error)) throw error
      return { head, latest: undefined, description: undefined, keywords: [], date: undefined }
    }
  }
}

/** How well a package fits; 0: not at all. */
function rankOf(npmName: string, manifest: JsonObject, words: readonly string[]): number {
  const name = npmName.toLowerCase()
  const { description = '', keywords } = textsOf(manifest)
  let rank = 1
  for (const word of words) {
    const bare = name.slice(name.indexOf('/') + 1)
    if (name === word || bare === word) rank += 100
    else if (bare.startsWith(word)) rank += 30
    else if (name.includes(word)) rank += 20
    else if (keywords.some((keyword) => keyword.toLowerCase().includes(word))) rank += 5
    else if (description.toLowerCase().includes(word)) rank += 2
    else return 0
  }
  return rank
}

function textsOf({ description, keywords }: JsonObject) {
  return {
    description: typeof description === 'string' ? description : undefined,
    keywords: Array.isArray(keywords) ? keywords.filter((it) => typeof it === 'string') : [],
  }
}

function manifestOf(json: string | null): JsonObject {
  // We wrote it ourselves: an object.
  return JSON.parse(json ?? '{}') as JsonObject
}
