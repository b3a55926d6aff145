import type { Downloads } from '../../../registry/downloads.ts'
import { dayChart } from '../day-chart.ts'
import { type Html, html } from '../html.ts'
import { count, number } from '../parts.ts'

const WEEK = 7

/** How often a package was downloaded: the last week as a number, the whole period by day. */
export function downloadChart({ period, days }: Downloads): Html {
  const sum = (values: readonly number[]) => values.reduce((all, it) => all + it, 0)
  const all = sum(days)
  if (all === 0) return html`<section><h2>Downloads from here</h2><p>None in the last month</p></section>`
  return html`<section><h2>Downloads from here</h2>
<p>${count(sum(days.slice(-WEEK)), 'download')} in the last week</p>
${dayChart({
  id: 'downloads',
  title: 'Downloads by day',
  told: `${count(all, 'download')} from ${period.start} to ${period.end}, at most ${number(Math.max(...days))} a day`,
  from: period.from,
  series: [{ name: 'Downloads', values: days }],
  written: number,
})}</section>`
}
