import type { Context } from 'koa'
import { type Fault, fail } from '../../base/fault.ts'
import type { PackageHead } from '../../registry/model.ts'
import { param } from '../http/json.ts'
import type { Local } from '../http/local.ts'
import { problemNote } from './account/parts.ts'
import type { WebDoor } from './door.ts'
import { type Html, html } from './html.ts'
import { page } from './layout.ts'
import { PER_PAGE, packageList, pageLinks, pageNumber } from './lists.ts'
import { count, day } from './parts.ts'
import { namespacePath, userPath } from './paths.ts'
import { teamsSection } from './team-parts.ts'

/** `/www/namespace/:name`: who is in it, its packages and, for its members, its teams. `problem` is what a form met. */
export async function namespacePage(ctx: Context, door: WebDoor, problem?: Fault): Promise<void> {
  const { namespaces, maintainers } = door.registry
  const name = param(ctx, 'name')
  const [members, heads] = await Promise.all([
    namespaces.members(name),
    maintainers.packagesOf(ctx.state.who, name),
  ])
  const body = html`<h1><span class="mono">${name}</span></h1>
${problemNote(problem)}
<div class="with-side"><div>${await packages(ctx, door, { heads, path: namespacePath(name) })}
${members.length > 0 && (await teamsSection(ctx, door, name))}</div>
<aside class="side" aria-label="About this namespace"><section><h2>Members</h2>
${members.length === 0 ? html`<p>Nobody: it is the registry’s own.</p>` : html`<ul>${members.map((member) => html`<li><a href="${userPath(member)}">${member}</a></li>`)}</ul>`}
</section></aside></div>`
  await page(ctx, { title: `Namespace ${name}`, body, status: problem?.status ?? 200 })
}

/** `/www/user/:name`: the namespaces a person belongs to, and the packages of the one that carries the person's name. */
export async function userPage(ctx: Context, door: WebDoor): Promise<void> {
  const { accounts, namespaces, maintainers } = door.registry
  const name = param(ctx, 'name')
  const account = (await accounts.find(name)) ?? fail('NOT_FOUND', { what: name })
  const joined = await namespaces.of(name)
  const maintained = await Promise.all(joined.map((it) => maintainers.packagesOf(ctx.state.who, it)))
  const heads = [...new Map(maintained.flat().map((head) => [head.id, head])).values()]
  const body = html`<h1>${name}</h1>
<div class="with-side"><div>${await packages(ctx, door, { heads, path: userPath(name) })}</div>
<aside class="side" aria-label="About this person">
<section><h2>Namespaces</h2><ul>${joined.map((it) => html`<li><a href="${namespacePath(it)}">${it}</a></li>`)}</ul></section>
<section><h2>Here since</h2><p>${day(account.createdAt)}</p></section>
</aside></div>`
  await page(ctx, { title: name, body })
}

async function packages(
  ctx: Context,
  { registry }: WebDoor,
  { heads, path }: { heads: readonly PackageHead[]; path: Local },
): Promise<Html> {
  if (heads.length === 0)
    return html`<div class="empty"><h2>No packages</h2><p>Nothing is maintained here that you may see.</p></div>`
  const number = pageNumber(ctx.query.page)
  const shown = heads.slice((number - 1) * PER_PAGE, number * PER_PAGE)
  return html`<h2>${count(heads.length, 'package')}</h2>
${packageList(await registry.search.describe(shown))}
${pageLinks(path, { number, total: heads.length })}`
}
