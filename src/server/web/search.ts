import type { Context } from 'koa'
import type { Registry } from '../../registry/registry.ts'
import { HOME } from '../http/local.ts'
import type { WebDoor } from './door.ts'
import { type Html, html } from './html.ts'
import { page } from './layout.ts'
import { PER_PAGE, packageList, pageLinks, pageNumber } from './lists.ts'
import { count } from './parts.ts'
import { SEARCH } from './paths.ts'

const LONGEST = 200

/** `GET /www/search?q=&page=`; without words every package. */
export async function searchPage(ctx: Context, { registry }: WebDoor): Promise<void> {
  const query = String(ctx.query.q ?? '')
    .trim()
    .slice(0, LONGEST)
  const number = pageNumber(ctx.query.page)
  const from = (number - 1) * PER_PAGE
  const { total, hits } = await registry.search.find(ctx.state.who, query, { from, limit: PER_PAGE })
  const title = query === '' ? 'All packages' : `Search for “${query}”`
  const path = SEARCH.with({ q: query })
  const body = html`<h1>${title}</h1>
${total === 0 ? nothing(query, registry) : html`<p class="soft">${count(total, 'package')}</p>${packageList(hits)}`}
${pageLinks(path, { number, total })}`
  await page(ctx, { title, body, query })
}

function nothing(query: string, { isAlone }: Registry): Html {
  if (query === '')
    return html`<div class="empty">
  <h2>No packages yet</h2>
  <p>Publish the first one: <code>npm publish</code>, after <a href="${HOME}">setting your package manager up</a>.</p>
</div>`
  return html`<div class="empty">
  <h2>Nothing here holds these words</h2>
  ${!isAlone && html`<p>Packages of the upstream registry are found once somebody here has installed them.</p>`}
  <p><a class="button quiet" href="${SEARCH}">See all packages</a></p>
</div>`
}
