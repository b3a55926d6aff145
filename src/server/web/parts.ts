import { iso, type Millis } from '../../base/time.ts'
import { type Html, html } from './html.ts'

const DAY = new Intl.DateTimeFormat('en-GB', { dateStyle: 'medium', timeZone: 'UTC' })
const UNITS = ['B', 'kB', 'MB', 'GB', 'TB']
const NUMBER = new Intl.NumberFormat('en', { maximumFractionDigits: 1 })

/** A day, with the moment for machines and for those who point at it. */
export function day(moment: Millis): Html {
  return html`<time class="nowrap" datetime="${iso(moment)}" title="${iso(moment)}">${DAY.format(moment)}</time>`
}

/** A day and the minute in it, UTC. */
export function moment(at: Millis): Html {
  return html`<time class="nowrap" datetime="${iso(at)}">${iso(at).slice(0, 16).replace('T', ' ')}</time>`
}

/** Bytes in the unit that leaves the fewest digits, by thousands as package managers count. */
export function size(bytes: number): string {
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), UNITS.length - 1)
  return `${NUMBER.format(bytes / 1000 ** power)}\u00a0${UNITS[power]}`
}

/** With its thousands apart. */
export const number = (value: number): string => NUMBER.format(value)

export function count(value: number, one: string, many = `${one}s`): string {
  return `${number(value)} ${value === 1 ? one : many}`
}

/** A line for a terminal, with a button that copies it; the button shows itself where scripts run. */
export function lineToCopy(line: string, name: string): Html {
  return html`<div class="line-to-copy"><code>${line}</code><button type="button" hidden data-copy="${line}" aria-label="Copy: ${name}">Copy</button></div>`
}

const TIMES = [
  ['d', 86_400_000],
  ['h', 3_600_000],
  ['m', 60_000],
  ['s', 1000],
] as const

/** A time as options are written: `3d`. */
export function lengthOf(time: Millis): string {
  const [unit, length] = TIMES.find(([, millis]) => time % millis === 0) ?? ['ms', 1]
  return `${time / length}${unit}`
}
