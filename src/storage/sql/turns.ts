import type { Millis } from '../../base/time.ts'

/** The part of the Database by which several servers take turns. */
export interface TurnTables {
  lease: LeaseRow
  feed: FeedRow
}

export interface LeaseRow {
  name: string
  holder: string
  fence: number
  until: Millis
}

export interface FeedRow {
  id: 'change'
  turn: number
}
