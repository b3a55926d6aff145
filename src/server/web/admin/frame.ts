import type { Context } from 'koa'
import type { User } from '../../../registry/model.ts'
import { type Local, www } from '../../http/local.ts'
import type { WebDoor } from '../door.ts'
import { type Html, html, type Part } from '../html.ts'
import { page } from '../layout.ts'

const TABS = {
  overview: ['Overview', www('admin')],
  users: ['Users', www('admin', 'users')],
  namespaces: ['Namespaces', www('admin', 'namespaces')],
  mirror: ['Mirror', www('admin', 'mirror')],
  storage: ['Storage', www('admin', 'storage')],
  policy: ['Policy', www('admin', 'policy')],
  audit: ['Audit log', www('admin', 'audit')],
  health: ['Health', www('admin', 'health')],
} as const

export type AdminTab = keyof typeof TABS

/** Whoever may see these pages, or UNAUTHENTICATED, FORBIDDEN. */
export async function administrator(ctx: Context, { registry }: WebDoor): Promise<User> {
  return registry.access.admin(await ctx.state.who())
}

/** An administrator's page under its tab. */
export async function adminPage(ctx: Context, tab: AdminTab, body: Part): Promise<void> {
  await page(ctx, {
    title: adminTitle(tab),
    body: html`<h1>Administration</h1>${tabs(tab)}${body}`,
  })
}

/** Where the page under a tab is. */
export const adminPath = (tab: AdminTab): Local => TABS[tab][1]

/** Where a lock file is given in: a page of the mirror's. */
export const PREFETCH = www('admin', 'prefetch')

/** What the browser's tab says. */
export const adminTitle = (tab: AdminTab): string => `${TABS[tab][0]} · Administration`

export function tabs(current: AdminTab): Html {
  return html`<nav class="tabs" aria-label="Administration">${Object.entries(TABS).map(
    ([tab, [title, path]]) =>
      html`<a href="${path}"${tab === current && html` aria-current="page"`}>${title}</a>`,
  )}</nav>`
}

/** Figures side by side. */
export function figures(all: readonly [name: string, figure: Part, remark?: string][]): Html {
  return html`<dl class="figures">${all.map(
    ([name, figure, remark]) =>
      html`<div><dt>${name}</dt><dd>${figure}${remark !== undefined && html`<small>${remark}</small>`}</dd></div>`,
  )}</dl>`
}

/** A part of a whole, drawn; what it says must stand beside it in words. */
export function bar(part: number, whole: number): Html {
  const width = whole > 0 ? Math.round((100 * part) / whole) : 0
  return html`<svg class="bar" viewBox="0 0 100 3" preserveAspectRatio="none" aria-hidden="true"><rect class="rest" width="100" height="3"/><rect width="${width}" height="3"/></svg>`
}
