import type { Period } from '../../../registry/downloads.ts'
import type { User } from '../../../registry/model.ts'
import type { History } from '../../../registry/stats.ts'
import { dayChart } from '../day-chart.ts'
import type { WebDoor } from '../door.ts'
import { type Html, html } from '../html.ts'
import { count, number, size } from '../parts.ts'
import { figures } from './frame.ts'

type Past = Period & { readonly history: History }

/** What was counted in the last thirty days. */
export async function lastMonth({ registry }: WebDoor, caller: User): Promise<Past> {
  const period = registry.downloads.period('last-month')
  return { ...period, history: await registry.stats.history(caller, period) }
}

/** What keeping upstream's tarballs spared its users and the line. */
export function mirrorCharts({ history, from, start, end }: Past): Html {
  const [hits, misses, served, fetched] = [
    sum(history.hits),
    sum(history.misses),
    sum(history['served-bytes']),
    sum(history['fetched-bytes']),
  ]
  return html`<h2 class="later">The last thirty days</h2>
${figures([
  ['Answered from here', share(hits, hits + misses), `${number(hits)} of ${count(hits + misses, 'tarball')}`],
  ['Served', size(served), 'of mirrored tarballs'],
  ['Fetched', size(fetched), 'from upstream'],
  ['Saved', size(Math.max(0, served - fetched)), 'that upstream was not asked for'],
])}
<div class="charts"><section><h3>Tarballs asked for</h3>${dayChart({
    id: 'hits',
    title: 'Tarballs asked for, by day',
    told: `${count(hits, 'tarball')} stored already and ${number(misses)} fetched first, from ${start} to ${end}`,
    from,
    series: [
      { name: 'Stored already', values: history.hits },
      { name: 'Fetched first', values: history.misses },
    ],
    written: number,
  })}</section>
<section><h3>Bytes</h3>${dayChart({
    id: 'bytes',
    title: 'Bytes by day',
    told: `${size(served)} served and ${size(fetched)} fetched, from ${start} to ${end}`,
    from,
    series: [
      { name: 'Served', values: history['served-bytes'] },
      { name: 'Fetched', values: history['fetched-bytes'] },
    ],
    written: size,
  })}</section></div>`
}

/** How much room it spares that the same content is kept once. */
export function storageChart({ history, from, start, end }: Past): Html {
  const [versions, stored] = [history['version-bytes'], history['stored-bytes']]
  return html`<section><h2 class="later">The last thirty days</h2>${dayChart({
    id: 'stored',
    title: 'Tarballs by day',
    told: `From ${size(stored[0] ?? 0)} stored on ${start} to ${size(stored.at(-1) ?? 0)} on ${end}; as if each version had its own, ${size(versions.at(-1) ?? 0)}`,
    from,
    series: [
      { name: 'As if each version had its own', values: versions },
      { name: 'Stored', values: stored },
    ],
    written: size,
  })}</section>`
}

function share(part: number, whole: number): string {
  return whole === 0 ? 'nothing yet' : `${Math.floor((100 * part) / whole)} %`
}

export function sum(values: readonly number[]): number {
  return values.reduce((all, it) => all + it, 0)
}
