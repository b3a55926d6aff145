/** What searching reads, as `migrations/` makes the tables; a part of Database. */
export interface SearchTables {
  search_entry: SearchEntryRow
  search_term: SearchTermRow
}

export interface SearchEntryRow {
  package_id: string
  revision: number
  latest: string | null
  description: string | null
  keywords: string
  date: string | null
}

export interface SearchTermRow {
  term: string
  package_id: string
  weight: number
}
