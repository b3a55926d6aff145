import type { Context } from 'koa'
import { type Fault, isFault } from '../../base/fault.ts'
import { type Envelope, inNpmNames } from '../http/faults.ts'
import { HOME, redirect } from '../http/local.ts'
import { wantsPage } from '../http/request.ts'
import { type Html, html } from './html.ts'
import { page } from './layout.ts'
import { LOGIN, SEARCH } from './paths.ts'

/** A page for browsers, JSON for programs. */
export const webEnvelope: Envelope = async (thrown, ctx) => {
  const fault = inNpmNames(thrown)
  const { status, message, code } = fault
  if (asksToLogIn(fault, ctx)) {
    redirect(ctx, LOGIN.with({ next: ctx.url }))
    return undefined
  }
  const worded = { status, body: { error: message, message, code } }
  if (!wantsPage(ctx.headers)) return worded
  const error = { title: titleOf(fault), status, body: errorBody(fault) }
  // Where accounts cannot be looked up, that must not hide what failed first.
  return page(ctx, error).then(
    () => undefined,
    () => worded,
  )
}

/** A page that only needs its reader to log in first is come back to afterwards. */
function asksToLogIn(fault: Fault, { method, headers }: Context): boolean {
  return isFault(fault, 'UNAUTHENTICATED') && method === 'GET' && wantsPage(headers)
}

function errorBody(fault: Fault): Html {
  return html`<div class="empty">
  <p class="mono">${fault.status}</p>
  <h1>${titleOf(fault)}</h1>
  <p>${fault.message}</p>
  <p>${wayOut(fault)}</p>
</div>`
}

function titleOf({ status }: Fault): string {
  if (status === 401) return 'Log in first'
  if (status === 403) return 'Not allowed'
  if (status === 404) return 'Not here'
  if (status === 429) return 'Too often'
  if (status === 502 || status === 504) return 'The upstream registry fails'
  return status >= 500 ? 'Something broke' : 'That does not work'
}

function wayOut(fault: Fault): Html {
  if (isFault(fault, 'UNAUTHENTICATED')) return html`<a class="button" href="${LOGIN}">Log in</a>`
  if (fault.status === 404) return html`<a class="button" href="${SEARCH}">Search the packages</a>`
  return html`<a class="button" href="${HOME}">Go to the start</a>`
}
