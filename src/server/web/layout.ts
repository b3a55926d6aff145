import { PassThrough } from 'node:stream'
import type { Context } from 'koa'
import type { Caller } from '../../registry/model.ts'
import { HOME, Local, www } from '../http/local.ts'
import { type Html, html, type Part, trusted } from './html.ts'
import { ACCOUNT, LOGIN, SEARCH } from './paths.ts'
import { staticPath } from './static.ts'

export type Page = {
  /** Of the tab; the registry's name is added. */
  readonly title: string
  /** What stands in `<main>`, beginning with its `<h1>`. */
  readonly body: Part
  readonly status?: number
  /** What the search field holds. */
  readonly query?: string
  /** Left out where the page itself has a search field. */
  readonly search?: 'none'
}

/** Nothing from elsewhere, nothing inline, in nobody's frame. Images come from here alone: a README cannot tell who reads it. */
export const SECURITY_HEADERS: Readonly<Record<string, string>> = {
  'content-security-policy': [
    "default-src 'none'",
    "style-src 'self'",
    "script-src 'self'",
    "img-src 'self' data:",
    "connect-src 'self'",
    "form-action 'self'",
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; '),
  'cross-origin-opener-policy': 'same-origin',
  'referrer-policy': 'same-origin',
  'x-content-type-options': 'nosniff',
  'x-frame-options': 'DENY',
}

/** Answers with a whole page. */
export async function page(ctx: Context, { title, body, status = 200, ...more }: Page): Promise<void> {
  const caller: Caller = await ctx.state.who()
  ctx.status = status
  ctx.set({ ...SECURITY_HEADERS, 'cache-control': 'private, no-cache', vary: 'accept, cookie' })
  ctx.type = 'text/html; charset=utf-8'
  ctx.body = layout({ title, body, ...more, caller }).below(ctx.state.base)
}

/** Stands where the body of a growing page will be. */
const BODY = '<!-- body -->'

/** Answers with a page that is shown as it comes: what `work` says meanwhile, and at last what it resolves to. */
export async function growingPage(
  ctx: Context,
  title: string,
  work: (say: (part: Html) => void) => Promise<Html>,
): Promise<void> {
  await page(ctx, { title, body: trusted(BODY) }) // a mark of our own
  const [head = '', end = ''] = String(ctx.body).split(BODY)
  const body = new PassThrough()
  ctx.body = body
  ctx.set('x-accel-buffering', 'no') // proxies pass it on piece by piece
  const say = (part: Html) => void body.write(part.below(ctx.state.base))
  say(trusted(head))
  work(say).then(
    (last) => body.end(last.below(ctx.state.base) + end),
    (error) => body.destroy(error),
  )
}

function layout({ title, body, query = '', search, caller }: Page & { caller: Caller }): Html {
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>${title} · entropic</title>
<link rel="icon" href="${staticPath('icon.svg')}">
<link rel="stylesheet" href="${staticPath('site.css')}">
<script src="${staticPath('site.js')}" defer></script>
</head>
<body>
<a class="skip" href="#main">Skip to content</a>
<header class="top">
  <div class="wide">
    <a class="brand" href="${HOME}" aria-label="entropic, home">${logo}<span>entropic</span></a>
    ${search !== 'none' && searchForm(query)}
    <nav aria-label="Account">${accountLinks(caller)}</nav>
  </div>
</header>
<main id="main" class="wide" tabindex="-1">
${body}
</main>
<footer><div class="wide">
  <p>A package registry for npm and the Entropic API.</p>
  <p><a href="${API}">API</a> <a href="${SEARCH}">All packages</a></p>
</div></footer>
</body>
</html>
`
}

const API = new Local('/v1/openapi.json')

/** Dots in order, and three that have left it. */
const logo = html`<svg viewBox="0 0 24 24" width="24" height="24" aria-hidden="true" fill="currentColor"><g><circle cx="4" cy="4" r="2.4"/><circle cx="12" cy="4" r="2.4"/><circle cx="4" cy="12" r="2.4"/><circle cx="12" cy="12" r="2.4"/><circle cx="4" cy="20" r="2.4"/></g><g class="stray"><circle cx="20.5" cy="3" r="2.4"/><circle cx="18.5" cy="13.5" r="2.4"/><circle cx="14" cy="21" r="2.4"/></g></svg>`

function searchForm(query: string): Html {
  return html`<form class="search" role="search" action="${SEARCH}">
      <label class="hidden" for="q">Search packages</label>
      <input id="q" name="q" type="search" value="${query}" placeholder="Search packages" autocomplete="off" spellcheck="false">
      <button>Search</button>
    </form>`
}

function accountLinks(caller: Caller): Html {
  if (caller.kind === 'anonymous') return html`<a href="${LOGIN}">Log in</a>`
  return html`${caller.admin && html`<a href="${www('admin')}">Admin</a> `}<a href="${ACCOUNT}" title="Your account">${caller.name}</a>`
}
