import { type Day, dateOf } from '../../base/time.ts'
import { type Html, html } from './html.ts'

/** One figure by day. */
export type Series = { readonly name: string; readonly values: readonly number[] }

export type DayChart = {
  /** Unlike that of any other chart on the page. */
  readonly id: string
  readonly title: string
  /** What the picture shows, for those who do not see it. */
  readonly told: string
  /** The first day; every series begins with it. */
  readonly from: Day
  /** One, or two side by side. */
  readonly series: readonly Series[]
  /** How a value is written. */
  readonly written: (value: number) => string
}

const HEIGHT = 100
const BAR = 3

/** Figures by day, as bars and as a table. */
export function dayChart({ id, title, told, from, series, written }: DayChart): Html {
  const most = Math.max(1, ...series.flatMap(({ values }) => values))
  const dates = series[0]?.values.map((_, at) => dateOf(from + at)) ?? []
  const slot = series.length * BAR + 1
  const bars = ({ values }: Series, place: number) =>
    values.map((value, at) => bar(at * slot + place * BAR, (value / most) * HEIGHT)).join('')
  return html`<figure class="chart"><svg viewBox="0 0 ${dates.length * slot - 1} ${HEIGHT}" preserveAspectRatio="none" role="img" aria-labelledby="${id}-title ${id}-told"><title id="${id}-title">${title}</title><desc id="${id}-told">${told}</desc>${series.map((it, place) => html`<path d="${bars(it, place)}"/>`)}</svg>
<figcaption><span>${dates[0]}</span><span>${dates.at(-1)}</span></figcaption>
${series.length > 1 && html`<ul class="legend">${series.map(({ name }) => html`<li>${name}</li>`)}</ul>`}
<details class="small"><summary>As a table</summary><table><thead><tr><th scope="col">Day</th>${series.map(({ name }) => html`<th scope="col" class="number">${name}</th>`)}</tr></thead>
<tbody>${dates.map(
    (date, at) =>
      html`<tr><th scope="row" class="nowrap">${date}</th>${series.map(({ values }) => html`<td class="number">${written(values[at] ?? 0)}</td>`)}</tr>`,
  )}</tbody></table></details></figure>`
}

function bar(left: number, height: number): string {
  if (height === 0) return ''
  const rise = Math.max(height, 1).toFixed(1)
  return `M${left} ${HEIGHT}v-${rise}h${BAR}v${rise}z`
}
