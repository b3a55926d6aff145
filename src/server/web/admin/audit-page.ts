import type { Context } from 'koa'
import { auditTable, beforeOf } from '../audit-table.ts'
import type { WebDoor } from '../door.ts'
import { type Html, html } from '../html.ts'
import { administrator, adminPage, adminPath } from './frame.ts'

const PATH = adminPath('audit')
const FILTERS = { actor: 'Who', action: 'What', subject: 'To' } as const
type Filters = Partial<Record<keyof typeof FILTERS, string>>

/** What is done has a family, and all of it can be asked for at once: `token` is `token.create` and `token.revoke`. */
const FAMILIES = [
  'account',
  'identity',
  'invitation',
  'login',
  'logout',
  'member',
  'namespace',
  'package',
  'passkey',
  'session',
  'tfa',
  'token',
]

/** `/www/admin/audit?actor=&action=&subject=&before=`: what was done, newest first. */
export async function auditPage(ctx: Context, door: WebDoor): Promise<void> {
  await administrator(ctx, door)
  const filters = filtersOf(ctx)
  const entries = await door.registry.audit.list({ ...filters, ...beforeOf(ctx.query.before) })
  const older = (before: number) => PATH.with({ ...filters, before })
  await adminPage(ctx, 'audit', html`${filterForm(filters)}${auditTable(entries, older)}`)
}

function filtersOf({ query }: Context): Filters {
  const given = Object.keys(FILTERS).map((name) => [name, `${query[name] ?? ''}`.trim().slice(0, 300)])
  return Object.fromEntries(given.filter(([, value]) => value !== ''))
}

function filterForm(filters: Filters): Html {
  const isFiltered = Object.keys(filters).length > 0
  return html`<form class="line card" action="${PATH}">
${Object.entries(FILTERS).map(
  ([name, title]) =>
    html`<div><label for="${name}">${title}</label><input id="${name}" name="${name}" value="${filters[name as keyof Filters]}"${name === 'action' && html` list="families"`} autocomplete="off" autocapitalize="none" spellcheck="false"></div>`,
)}
<datalist id="families">${FAMILIES.map((family) => html`<option value="${family}">`)}</datalist>
<button class="quiet">Show</button>${isFiltered && html` <a class="button quiet" href="${PATH}">Show all</a>`}
</form>`
}
