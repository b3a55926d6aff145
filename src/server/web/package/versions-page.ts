import type { Context } from 'koa'
import type { PackageHead } from '../../../registry/model.ts'
import { type Overview, overviewOf, type VersionLine } from '../../../registry/overview.ts'
import type { WebDoor } from '../door.ts'
import { type Html, html } from '../html.ts'
import { page } from '../layout.ts'
import { paged } from '../lists.ts'
import { count, day, size } from '../parts.ts'
import { packagePath, versionPath } from '../paths.ts'
import { packageFrame } from './frame.ts'

/** `/www/package/<name>/versions`. */
export async function versionsPage(ctx: Context, { registry }: WebDoor, head: PackageHead): Promise<void> {
  const overview = await overviewOf(registry, head)
  const { shown, links } = paged(ctx, overview.versions, packagePath(head.npmName, 'versions'))
  const body = html`<h2>${count(overview.versions.length, 'version')}</h2>
${chooseTwo(overview)}
<div class="scroll" tabindex="0"><table>
<thead><tr><th scope="col">Version</th><th scope="col">Tags</th><th scope="col">Published</th><th scope="col" class="number">Unpacked</th></tr></thead>
<tbody>${shown.map((line) => row(line, overview))}</tbody>
</table></div>
${links}`
  await page(ctx, { title: `Versions of ${head.npmName}`, body: packageFrame(overview, 'versions', body) })
}

function row(
  { version, publishedAt, unpackedSize, deprecated, yanked }: VersionLine,
  overview: Overview,
): Html {
  const tags = Object.entries(overview.tags).filter(([, tagged]) => tagged === version)
  return html`<tr>
<th scope="row"><a class="mono" href="${versionPath(overview.head.npmName, version)}">${version}</a></th>
<td>${tags.map(([tag]) => html`<span class="tag">${tag}</span> `)}
${deprecated !== undefined && html`<span class="tag warn">deprecated</span>`}
${yanked && html`<span class="tag bad">yanked</span>`}</td>
<td>${publishedAt !== undefined && day(publishedAt)}</td>
<td class="number">${unpackedSize !== undefined && size(unpackedSize)}</td>
</tr>`
}

/** Any two versions can be compared; the newest two are proposed. */
export function chooseTwo({ head, versions }: Overview, chosen: { from?: string; to?: string } = {}): Html {
  if (versions.length < 2) return html``
  const { from = versions[1]?.version, to = versions[0]?.version } = chosen
  return html`<form class="line card" action="${packagePath(head.npmName, 'diff')}">
<div><label for="from">From</label>${choice('from', versions, from)}</div>
<div><label for="to">To</label>${choice('to', versions, to)}</div>
<button class="quiet">Compare</button>
</form>`
}

/** As many can be chosen from at a glance; of more, the version is typed. */
const AT_A_GLANCE = 60

function choice(name: string, versions: readonly VersionLine[], chosen: string | undefined): Html {
  if (versions.length > AT_A_GLANCE)
    return html`<input id="${name}" name="${name}" value="${chosen}" list="${name}-newest" required autocomplete="off" spellcheck="false">
<datalist id="${name}-newest">${versions.slice(0, AT_A_GLANCE).map(({ version }) => html`<option value="${version}">`)}</datalist>`
  return html`<select id="${name}" name="${name}">${versions.map(
    ({ version }) => html`<option${version === chosen && html` selected`}>${version}</option>`,
  )}</select>`
}
