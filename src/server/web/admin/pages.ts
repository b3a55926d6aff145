import type { Context } from 'koa'
import type { MirroredPackage } from '../../../registry/stats.ts'
import type { WebDoor } from '../door.ts'
import { type Html, html } from '../html.ts'
import { PER_PAGE, paged, pageLinks, pageNumber } from '../lists.ts'
import { count, moment, size } from '../parts.ts'
import { namespacePath, packagePath } from '../paths.ts'
import { lastMonth, mirrorCharts } from './charts.ts'
import { administrator, adminPage, adminPath, bar, figures, PREFETCH } from './frame.ts'

/** `/www/admin`: how much there is of everything. */
export async function overviewPage(ctx: Context, door: WebDoor): Promise<void> {
  const { registry } = door
  const { accounts, namespaces, packages, tarballs, documents } = await registry.stats.figures(
    await administrator(ctx, door),
  )
  const bytes = tarballs.local.storedBytes + tarballs.mirror.storedBytes
  const body = html`${figures([
    ['Packages published here', packages.local, count(tarballs.local.versions, 'version')],
    ['Packages mirrored', packages.mirror, count(tarballs.mirror.versions, 'stored tarball')],
    ['Accounts', accounts],
    ['Namespaces', namespaces],
    ['Tarballs', size(bytes), 'on the disk'],
    ['Upstream documents', size(documents.bytes), count(documents.documents, 'document')],
  ])}`
  await adminPage(ctx, 'overview', body)
}

/** `/www/admin/namespaces`. */
export async function namespacesPage(ctx: Context, door: WebDoor): Promise<void> {
  await administrator(ctx, door)
  const { namespaces, maintainers } = door.registry
  const all = await namespaces.list()
  const { shown, links } = paged(ctx, all, adminPath('namespaces'))
  const rows = await Promise.all(
    shown.map(async (name) => ({
      name,
      members: await namespaces.members(name),
      packages: (await maintainers.packagesOf(ctx.state.who, name)).length,
    })),
  )
  const body = html`<h2>${count(all.length, 'namespace')}</h2>
<div class="scroll" tabindex="0"><table><thead><tr><th scope="col">Name</th><th scope="col">Members</th><th scope="col" class="number">Packages</th></tr></thead>
<tbody>${rows.map(
    ({ name, members, packages }) =>
      html`<tr><th scope="row"><a class="mono" href="${namespacePath(name)}">${name}</a></th><td>${members.length === 0 ? html`<span class="soft">the registry’s own</span>` : members.slice(0, 10).join(', ')}</td><td class="number">${packages}</td></tr>`,
  )}</tbody></table></div>${links}`
  await adminPage(ctx, 'namespaces', body)
}

/** `/www/admin/mirror`: what is kept of upstream. */
export async function mirrorPage(ctx: Context, door: WebDoor): Promise<void> {
  const caller = await administrator(ctx, door)
  const { stats, isAlone } = door.registry
  const number = pageNumber(ctx.query.page)
  const [{ packages, tarballs, documents }, held, past] = await Promise.all([
    stats.figures(caller),
    stats.mirrored(caller, { from: (number - 1) * PER_PAGE, limit: PER_PAGE }),
    lastMonth(door, caller),
  ])
  if (packages.mirror === 0)
    return adminPage(ctx, 'mirror', html`<div class="empty">${isAlone ? noUpstream : nothingYet}</div>`)
  const body = html`${figures([
    ['Packages', packages.mirror],
    ['Tarballs', tarballs.mirror.versions, size(tarballs.mirror.storedBytes)],
    ['Documents', size(documents.bytes), count(documents.documents, 'package')],
  ])}${mirrorCharts(past)}
${fetchAhead}
<h2 class="later">What takes the room</h2>
<div class="scroll" tabindex="0"><table><thead><tr><th scope="col">Package</th><th scope="col">Upstream asked</th><th scope="col" class="number">Tarballs</th><th scope="col" class="number">Size</th><th scope="col"><span class="hidden">Share</span></th></tr></thead>
<tbody>${held.map((it) => mirrored(it, tarballs.mirror.bytes))}</tbody></table></div>
${pageLinks(adminPath('mirror'), { number, total: packages.mirror })}`
  await adminPage(ctx, 'mirror', body)
}

const noUpstream = html`<h2>Nothing is mirrored</h2><p>There is no upstream registry (<code>UPSTREAM</code>).</p>`

const fetchAhead = html`<p><a href="${PREFETCH}">Fetch ahead from a lock file</a></p>`

const nothingYet = html`<h2>Nothing mirrored yet</h2><p>Packages of the upstream registry come here when somebody first installs them.</p>${fetchAhead}`

function mirrored({ npmName, tarballs, bytes, checkedAt }: MirroredPackage, whole: number): Html {
  return html`<tr><th scope="row"><a class="mono" href="${packagePath(npmName)}">${npmName}</a></th><td>${checkedAt !== undefined && moment(checkedAt)}</td>
<td class="number">${tarballs}</td><td class="number">${size(bytes)}</td><td class="share">${bar(bytes, whole)}</td></tr>`
}
