import type { Context } from 'koa'
import { Fault, isFault } from '../../../base/fault.ts'
import { days } from '../../../base/time.ts'
import type { User } from '../../../registry/model.ts'
import type { IssuedToken, Token } from '../../../registry/tokens.ts'
import { originOf } from '../../http/origin.ts'
import { type Html, html } from '../html.ts'
import { page } from '../layout.ts'
import { day, lineToCopy } from '../parts.ts'
import { TOKENS } from '../paths.ts'
import { formKey, readForm } from '../session.ts'
import { type AccountDoor, field, problemNote, problemOf, seeOther, takeNotice } from './parts.ts'
import { accountTabs } from './tabs.ts'

/** `GET /www/tokens`. */
export async function showTokens(ctx: Context, door: AccountDoor, user: User): Promise<void> {
  await tokensPage(ctx, door, { user })
}

/** `POST /www/tokens`. The secret is on the answer's page and nowhere else. */
export async function createToken(ctx: Context, door: AccountDoor, user: User): Promise<void> {
  const form = await readForm(ctx)
  let issued: IssuedToken | undefined
  const problem = await problemOf(async () => {
    issued = await door.registry.tokens.issue({
      accountName: user.name,
      by: originOf(ctx, user),
      description: form.get('name')?.trim() || 'made in the browser',
      access: form.get('access') === 'publish' ? 'publish' : 'read',
      ...lifetimeOf(form.get('days') ?? ''),
      packages: words(form.get('packages')),
      namespaces: words(form.get('namespaces')),
      cidr: words(form.get('cidr')),
      bypassesTfa: form.get('bypass') === 'yes',
    })
  })
  await tokensPage(ctx, door, { user, issued, problem })
}

/** `POST /www/tokens/revoke`. */
export async function revokeToken(ctx: Context, { registry }: AccountDoor, user: User): Promise<void> {
  const form = await readForm(ctx)
  const own = await registry.tokens.list(user.name)
  const token = own.find(({ id }) => id === form.get('id'))
  const gone = token && (await problemOf(() => registry.tokens.revoke(token.id, originOf(ctx, user))))
  if (gone && !isFault(gone, 'NOT_FOUND')) throw gone
  seeOther(ctx, TOKENS, 'The token is revoked.')
}

type TokensPage = { user: User; issued?: IssuedToken | undefined; problem?: Fault | undefined }

async function tokensPage(
  ctx: Context,
  { registry }: AccountDoor,
  { user, issued, problem }: TokensPage,
): Promise<void> {
  const tokens = await registry.tokens.list(user.name)
  const hasTfa = await registry.twoFactor.isActive(user.id)
  const body = html`<h1>Tokens</h1>
${accountTabs('tokens')}
${takeNotice(ctx)}${problemNote(problem)}${issued && issuedNote(ctx, issued)}
${tokens.length === 0 ? nothing : tokenTable(ctx, tokens)}
<section class="card" aria-labelledby="new-token">
  <h2 id="new-token">New token</h2>
  ${createForm(ctx, hasTfa)}
</section>`
  await page(ctx, { title: 'Tokens', body, status: problem?.status ?? 200 })
}

const nothing = html`<div class="empty"><h2>No tokens yet</h2><p>A token lets a command line or a build server act for you.</p></div>`

function issuedNote(ctx: Context, { secret, description }: IssuedToken): Html {
  const { host, pathname } = new URL(`${ctx.state.root}/`)
  return html`<section class="note good" role="status" aria-label="Your new token">
  <h2>${description}</h2>
  <p>Copy it now: it is not shown again.</p>
  ${lineToCopy(secret, 'token')}
  <p>For npm, pnpm, Yarn 1 and Bun:</p>
  ${lineToCopy(`npm config set //${host}${pathname}:_authToken=${secret}`, 'line for npm')}
</section>`
}

function tokenTable(ctx: Context, tokens: readonly Token[]): Html {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Your tokens"><table>
  <thead><tr><th scope="col">Name</th><th scope="col">Token</th><th scope="col">May</th><th scope="col">Made</th><th scope="col">Last used</th><th scope="col">Ends</th><th><span class="hidden">Revoke</span></th></tr></thead>
  <tbody>${tokens.map((token) => tokenRow(ctx, token))}
  </tbody>
</table></div>`
}

function tokenRow(ctx: Context, token: Token): Html {
  const { id, description, hint, createdAt, usedAt, expiresAt } = token
  return html`
    <tr><th scope="row">${description}</th><td class="mono">${hint}…</td><td>${mayOf(token)}</td><td>${day(createdAt)}</td>
    <td>${usedAt === undefined ? 'never' : day(usedAt)}</td><td>${expiresAt === undefined ? 'never' : day(expiresAt)}</td>
    <td><form method="post" action="${TOKENS.at('revoke')}">${formKey(ctx)}<input type="hidden" name="id" value="${id}"><button class="quiet" aria-label="Revoke ${description}">Revoke</button></form></td></tr>`
}

function mayOf({ access, limits, cidr, bypassesTfa }: Token): Html {
  const where = limits && [...limits.packages, ...limits.namespaces.map((name) => `@${name}/*`)].join(', ')
  return html`${access === 'publish' ? 'publish' : 'read'}${where && html` <span class="soft">only ${where}</span>`}${
    cidr.length > 0 && html` <span class="soft">from ${cidr.join(', ')}</span>`
  }${bypassesTfa && html` <span class="tag warn">no second factor</span>`}`
}

function createForm(ctx: Context, hasTfa: boolean): Html {
  return html`<form class="stack" method="post" action="${TOKENS}">
    ${formKey(ctx)}
    ${field({ name: 'name', label: 'Name', hint: 'What it is for, such as "laptop" or "build server".', required: true })}
    <fieldset><legend>It may</legend>
      <p><label><input type="radio" name="access" value="read" checked> read packages</label></p>
      <p><label><input type="radio" name="access" value="publish"> read, publish and change packages</label></p>
    </fieldset>
    <div><label for="days">It ends</label>
      <select id="days" name="days"><option value="7">in 7 days</option><option value="30" selected>in 30 days</option><option value="90">in 90 days</option><option value="365">in a year</option><option value="">never</option></select></div>
    <details><summary>Limits</summary>
      ${field({ name: 'packages', label: 'Only these packages', hint: 'Names such as @kim/box, separated by spaces.' })}
      ${field({ name: 'namespaces', label: 'Only these namespaces', hint: 'Names such as @kim. Packages in either list may be touched, nothing else.' })}
      ${field({ name: 'cidr', label: 'Only from these addresses', hint: 'Such as 10.0.0.0/8 or 192.0.2.7.' })}
      ${hasTfa && html`<p><label><input type="checkbox" name="bypass" value="yes"> needs no one-time password, for build servers</label></p>`}
    </details>
    <button>Make the token</button>
  </form>`
}

function lifetimeOf(text: string): { lifetime?: number } {
  if (text === '') return {}
  const number = Number(text)
  if (Number.isInteger(number) && number > 0 && number <= 3650) return { lifetime: days(number) }
  throw new Fault('BAD_REQUEST', { why: 'A token ends in 1 to 3650 days, or never.' })
}

function words(text: string | null): string[] {
  return text?.split(/[\s,]+/).filter((word) => word !== '') ?? []
}
