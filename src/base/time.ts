/** Milliseconds: a moment since 1970 (UTC) or a duration. */
export type Millis = number

/** The one source of "now"; tests turn their own. */
export interface Clock {
  now(): Millis
}

export const systemClock: Clock = { now: () => Date.now() }

export const seconds = (n: number): Millis => n * 1000
export const minutes = (n: number): Millis => n * 60_000
export const hours = (n: number): Millis => n * 3_600_000
export const days = (n: number): Millis => n * 86_400_000

/** ISO 8601 in UTC with milliseconds, as every registry document writes its dates. */
export function iso(moment: Millis): string {
  return new Date(moment).toISOString()
}

/** Whole days since 1970, UTC. */
export type Day = number

export const dayOf = (moment: Millis): Day => Math.floor(moment / days(1))

/** A day as `YYYY-MM-DD`. */
export const dateOf = (day: Day): string => iso(days(day)).slice(0, 10)

/** The inverse of dateOf; undefined for what is no date. */
export function dayOfDate(date: string): Day | undefined {
  const moment = /^\d{4}-\d\d-\d\d$/.test(date) ? Date.parse(`${date}T00:00:00Z`) : Number.NaN
  // A 31st of June would be taken for a 1st of July.
  return Number.isNaN(moment) || dateOf(dayOf(moment)) !== date ? undefined : dayOf(moment)
}

/** The next full second, or the moment itself where it is one. */
export function fullSecond(at: Millis): Millis {
  return Math.ceil(at / seconds(1)) * seconds(1)
}
