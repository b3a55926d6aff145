import type { Context } from 'koa'
import { Fault } from '../../../base/fault.ts'
import type { CacheBounds, Evicted } from '../../../registry/cache.ts'
import type { Registry } from '../../../registry/registry.ts'
import type { WebDoor } from '../door.ts'
import { type Html, html } from '../html.ts'
import { count, lengthOf, size } from '../parts.ts'
import { formKey, readForm } from '../session.ts'
import { lastMonth, storageChart, sum } from './charts.ts'
import { administrator, adminPage, adminPath, bar, figures } from './frame.ts'

/** What the buttons do; each says what came of it. */
const WORKS: Readonly<Record<string, (registry: Registry) => Promise<Html>>> = {
  async look({ upkeep, cache, chores: { bounds } }) {
    const evicted = bounds && (await cache.evict(bounds, { dryRun: true }))
    const { blobs, bytes } = await upkeep.collectGarbage({ dryRun: true })
    if (blobs === 0 && !evicted?.versions)
      return html`<div class="note good"><p>Nothing to remove: everything stored is in use.</p></div>`
    return html`<div class="note"><p>${count(blobs, 'file')} with ${size(bytes)} would be removed.${evicted && html` ${forgotten(evicted)} would be forgotten.`}</p></div>`
  },
  async collect({ upkeep, cache, chores: { bounds } }) {
    const evicted = bounds && (await cache.evict(bounds))
    const { blobs, bytes } = await upkeep.collectGarbage()
    return html`<div class="note good"><p>${count(blobs, 'file')} with ${size(bytes)} removed.${evicted && html` ${forgotten(evicted)} forgotten.`}</p></div>`
  },
  async verify({ upkeep }) {
    const { blobs, bytes, damages } = await upkeep.verify()
    if (damages.length === 0)
      return html`<div class="note good"><p>${count(blobs, 'file')} with ${size(bytes)} read: each is what it was.</p></div>`
    return html`<div class="note bad"><p><strong>${count(damages.length, 'file')} of ${blobs} damaged.</strong></p><ul>${damages
      .slice(0, 100)
      .map(
        ({ of, what, digest }) =>
          html`<li class="break">${what}: ${of} <span class="mono small">${digest}</span></li>`,
      )}</ul></div>`
  },
}

/** `GET` and `POST /www/admin/storage`: what lies on the disk; looking for what nobody needs, and whether the rest is whole. */
export async function storagePage(ctx: Context, door: WebDoor): Promise<void> {
  const caller = await administrator(ctx, door)
  const outcome = ctx.method === 'POST' ? await work(ctx, door) : undefined
  const { stats, upkeep, chores } = door.registry
  const [{ tarballs }, past, saved] = await Promise.all([
    stats.figures(caller),
    lastMonth(door, caller),
    upkeep.savedBytes(),
  ])
  const bytes = tarballs.local.bytes + tarballs.mirror.bytes
  const stored = tarballs.local.storedBytes + tarballs.mirror.storedBytes
  const body = html`${outcome}
${figures([
  [
    'Tarballs of packages published here',
    size(tarballs.local.storedBytes),
    count(tarballs.local.versions, 'version'),
  ],
  ['Tarballs mirrored', size(tarballs.mirror.storedBytes), count(tarballs.mirror.versions, 'version')],
  ['Saved by keeping the same content once', size(bytes - stored + saved), 'tarballs, and files within them'],
  [
    'Forgotten in the last thirty days',
    size(sum(past.history['evicted-bytes'])),
    'of mirrored tarballs, for room',
  ],
])}
<p>Mirrored: ${size(tarballs.mirror.storedBytes)} of ${size(stored)}.${chores.bounds && html` ${boundsIn(chores.bounds)}`}</p>
${bar(tarballs.mirror.storedBytes, stored)}
${storageChart(past)}
<h2 class="later">Clean up</h2>
<p>Files that no version and no document refers to any more, once they are a day old${chores.bounds && ', and mirrored tarballs beyond what is kept of them'}.</p>
<div class="row">${button(ctx, 'look', 'Look what would go')} ${button(ctx, 'collect', 'Remove it')}</div>
<h2 class="later">Check</h2>
<p>Reads everything that is stored and compares it with its checksum. That takes a while on a large registry.</p>
${button(ctx, 'verify', 'Read everything')}`
  await adminPage(ctx, 'storage', body)
}

async function work(ctx: Context, { registry }: WebDoor): Promise<Html> {
  const wanted = (await readForm(ctx)).get('work') ?? ''
  const run = Object.hasOwn(WORKS, wanted) ? WORKS[wanted] : undefined
  if (!run) throw new Fault('BAD_REQUEST', { why: 'There is no such work.' })
  return run(registry)
}

const forgotten = ({ versions, bytes }: Evicted) =>
  html`${count(versions, 'mirrored tarball')} with ${size(bytes)}`

/** What mirrored tarballs may take, in words. */
function boundsIn({ bytes, age }: CacheBounds): Html {
  return html`${bytes !== undefined && html`Of tarballs mirrored, ${size(bytes)} are kept at most.`}${age !== undefined && html` What nobody asks for is forgotten after ${lengthOf(age)}.`}`
}

function button(ctx: Context, work: string, title: string): Html {
  return html`<form method="post" action="${adminPath('storage')}">${formKey(ctx)}<button class="${work === 'collect' ? 'danger' : 'quiet'}" name="work" value="${work}">${title}</button></form>`
}
