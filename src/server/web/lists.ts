import type { Context } from 'koa'
import { plainText } from '../../registry/plain-text.ts'
import type { Hit } from '../../registry/search.ts'
import type { Local } from '../http/local.ts'
import { type Html, html } from './html.ts'
import { day } from './parts.ts'
import { packagePath } from './paths.ts'

export const PER_PAGE = 20

/** Packages one below the other. */
export function packageList(hits: readonly Hit[]): Html {
  return html`<ul class="packages">${hits.map(item)}</ul>`
}

function item({ head, latest, description, keywords, date }: Hit): Html {
  return html`
<li>
  <p class="row"><a class="name" href="${packagePath(head.npmName)}">${head.npmName}</a> ${marks(head)}</p>
  ${description && html`<p>${plainText(description.slice(0, 300))}</p>`}
  <p class="row small soft">${latest === undefined ? html`<span>nothing published</span>` : html`<span class="mono">${latest}</span>`}
    ${date !== undefined && day(Date.parse(date))}
    ${keywords.length > 0 && html`<span>${keywords.slice(0, 6).join(', ').slice(0, 120)}</span>`}
  </p>
</li>`
}

/** What must be known of a package before using it. */
export function marks({ source, access, yankedAt }: Hit['head']): Html {
  return html`${source === 'mirror' && html`<span class="tag">mirrored</span>`}
${access === 'restricted' && html`<span class="tag accent">restricted</span>`}
${yankedAt !== undefined && html`<span class="tag bad">abandoned</span>`}`
}

/** The page asked for, counted from 1; nonsense is the first. */
export function pageNumber(text: unknown): number {
  const number = Number(text)
  return Number.isSafeInteger(number) && number > 0 && number < 1_000_000 ? number : 1
}

/** Links to the pages before and after this one of what `path` lists. */
export function pageLinks(
  path: Local,
  { number, total, perPage = PER_PAGE }: { number: number; total: number; perPage?: number },
): Html {
  const last = Math.max(1, Math.ceil(total / perPage))
  if (last === 1) return html``
  const at = (page: number) => path.with({ page })
  return html`<nav class="pages" aria-label="Pages">
  <span>${number > 1 && html`<a rel="prev" href="${at(number - 1)}">Previous</a>`}</span>
  <span class="soft">Page ${number} of ${last}</span>
  <span>${number < last && html`<a rel="next" href="${at(number + 1)}">Next</a>`}</span>
</nav>`
}

const LINES = 100

/** The lines of a table that belong on the page asked for, and the links to the others. */
export function paged<T>(ctx: Context, all: readonly T[], path: Local): { shown: readonly T[]; links: Html } {
  const number = pageNumber(ctx.query.page)
  const links = pageLinks(path, { number, total: all.length, perPage: LINES })
  return { shown: all.slice((number - 1) * LINES, number * LINES), links }
}
