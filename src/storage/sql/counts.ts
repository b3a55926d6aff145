import type { Day } from '../../base/time.ts'

/** The part of the Database that counts what happened on which day. */
export interface CountTables {
  download: DownloadRow
  day_figure: DayFigureRow
  popularity: PopularityRow
}

export interface DownloadRow {
  package_id: string
  day: Day
  version: string
  count: number
}

export interface DayFigureRow {
  day: Day
  name: string
  value: number
}

/** What speaks for a package among those that a search finds alike. */
export interface PopularityRow {
  package_id: string
  /** 0: never downloaded. */
  weight: number
  /** ISO date of its latest version; null: none. */
  date: string | null
}
