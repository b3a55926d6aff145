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
