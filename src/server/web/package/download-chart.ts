import { dateOf } from '../../../base/time.ts'
import type { Downloads } from '../../../registry/downloads.ts'
import { type Html, html } from '../html.ts'
import { count } from '../parts.ts'

const HEIGHT = 40
const WEEK = 7

/** How often a package was downloaded: the last week as a number, the whole period as bars and as a table. */
export function downloadChart({ period, days }: Downloads): Html {
  const most = Math.max(1, ...days)
  const week = days.slice(-WEEK).reduce((sum, it) => sum + it, 0)
  const all = days.reduce((sum, it) => sum + it, 0)
  const dates = days.map((_, at) => dateOf(period.from + at))
  return html`<section><h2>Downloads from here</h2>
<p>${count(week, 'download')} in the last week</p>
<svg class="bar" viewBox="0 0 ${days.length * 4} ${HEIGHT}" role="img" aria-labelledby="downloads-title downloads-desc"><title id="downloads-title">Downloads by day</title><desc id="downloads-desc">${count(all, 'download')} from ${period.start} to ${period.end}, at most ${most} a day</desc>${days.map(
    (it, at) =>
      html`<rect x="${at * 4}" y="${HEIGHT - (it / most) * HEIGHT}" width="3" height="${(it / most) * HEIGHT}"/>`,
  )}</svg>
<details class="small"><summary>As a table</summary><table><thead><tr><th scope="col">Day</th><th scope="col" class="number">Downloads</th></tr></thead><tbody>${days.map(
    (it, at) => html`<tr><th scope="row">${dates[at]}</th><td class="number">${it}</td></tr>`,
  )}</tbody></table></details></section>`
}
