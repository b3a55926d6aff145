import type { Context } from 'koa'
import { Fault } from '../../../base/fault.ts'
import type { Account } from '../../../registry/accounts.ts'
import type { Identity } from '../../../registry/identities.ts'
import type { User } from '../../../registry/model.ts'
import type { Session } from '../../../registry/sessions.ts'
import { www } from '../../http/local.ts'
import { originOf } from '../../http/origin.ts'
import { type Html, html } from '../html.ts'
import { page } from '../layout.ts'
import { day } from '../parts.ts'
import { ACCOUNT } from '../paths.ts'
import { formKey, readForm } from '../session.ts'
import { type AccountDoor, accountOf, checkPassword, field, seeOther, takeNotice } from './parts.ts'
import { wayOf } from './providers.ts'
import { accountTabs } from './tabs.ts'

/** `GET /www/account`. */
export async function showAccount(ctx: Context, door: AccountDoor, user: User): Promise<void> {
  const { registry, providers } = door
  const account = await accountOf(door, user)
  const sessions = await registry.sessions.list(user)
  const identities = await registry.identities.list(user.id)
  const body = html`<h1>${account.name}</h1>
${accountTabs('account')}
${takeNotice(ctx)}
<div class="columns">
${emailCard(ctx, account)}
${passwordCard(ctx, account)}
${(providers.list.length > 0 || identities.length > 0) && identitiesCard(ctx, { identities, providers: providers.list })}
${sessionsCard(ctx, { sessions, user })}
</div>
<form method="post" action="${www('logout')}">${formKey(ctx)}<button class="quiet">Log out</button></form>`
  await page(ctx, { title: 'Account', body })
}

/** `POST /www/account/email`. */
export async function changeEmail(ctx: Context, { registry }: AccountDoor, user: User): Promise<void> {
  const form = await readForm(ctx)
  await registry.accounts.setEmail(user.name, form.get('email')?.trim() ?? '', originOf(ctx, user))
  seeOther(ctx, ACCOUNT, 'Your email is changed.')
}

/** `POST /www/account/password`. Every token and every other session ends. */
export async function changePassword(ctx: Context, door: AccountDoor, user: User): Promise<void> {
  const form = await readForm(ctx)
  const account = await accountOf(door, user)
  await checkPassword(ctx, door, { account, password: form.get('old') ?? '' })
  await door.registry.accounts.setPassword(user.name, form.get('new') ?? '', {
    by: originOf(ctx, user),
    keepSession: user.sessionId,
  })
  seeOther(ctx, ACCOUNT, 'Your password is changed. All tokens and all other sessions have ended.')
}

/** `POST /www/account/sessions`: ends one, or all others. */
export async function endSessions(ctx: Context, { registry }: AccountDoor, user: User): Promise<void> {
  const form = await readForm(ctx)
  const id = form.get('id') ?? ''
  const by = originOf(ctx, user)
  if (id === '') await registry.sessions.endOthers(user, by)
  else await registry.sessions.end(user, id, by)
  seeOther(ctx, ACCOUNT, id === '' ? 'All other sessions have ended.' : 'The session has ended.')
}

/** `POST /www/account/identities`: unlinks one. CONFLICT. */
export async function unlinkIdentity(ctx: Context, door: AccountDoor, user: User): Promise<void> {
  const form = await readForm(ctx)
  const account = await accountOf(door, user)
  const [provider, subject] = [form.get('provider'), form.get('subject')]
  if (!provider || !subject) throw new Fault('BAD_REQUEST', { why: 'Which identity is to be unlinked?' })
  await door.registry.identities.unlink(account, { provider, subject }, originOf(ctx, user))
  seeOther(ctx, ACCOUNT, 'It is unlinked.')
}

function emailCard(ctx: Context, { email }: Account): Html {
  return html`<section class="card" aria-labelledby="email-head">
  <h2 id="email-head">Email</h2>
  <form class="stack" method="post" action="${ACCOUNT.at('email')}">${formKey(ctx)}
    ${field({ name: 'email', label: 'Email', type: 'email', value: email, autocomplete: 'email' })}
    <button>Change</button>
  </form>
</section>`
}

function passwordCard(ctx: Context, { hasPassword }: Account): Html {
  const hint = 'Eight characters or more. All tokens and all other sessions end.'
  return html`<section class="card" aria-labelledby="password-head">
  <h2 id="password-head">Password</h2>
  <form class="stack" method="post" action="${ACCOUNT.at('password')}">${formKey(ctx)}
    ${hasPassword && field({ name: 'old', label: 'Password until now', type: 'password', autocomplete: 'current-password', required: true })}
    ${field({ name: 'new', label: 'New password', type: 'password', hint, autocomplete: 'new-password', required: true })}
    <button>${hasPassword ? 'Change' : 'Set'}</button>
  </form>
</section>`
}

function identitiesCard(
  ctx: Context,
  { identities, providers }: { identities: readonly Identity[]; providers: AccountDoor['providers']['list'] },
): Html {
  return html`<section class="card" aria-labelledby="identities-head">
  <h2 id="identities-head">Other ways to log in</h2>
  <ul class="plain">${identities.map(
    ({ provider, subject, name, linkedAt }) => html`
    <li><form class="line" method="post" action="${ACCOUNT.at('identities')}">${formKey(ctx)}<input type="hidden" name="provider" value="${provider}"><input type="hidden" name="subject" value="${subject}"><span>${provider}: ${name} <span class="soft">since ${day(linkedAt)}</span></span> <button class="quiet" aria-label="Unlink ${name} of ${provider}">Unlink</button></form></li>`,
  )}${providers.map(
    ({ id, title }) => html`
    <li><a class="button quiet" href="${wayOf(id, ACCOUNT)}" rel="nofollow">Link ${title}</a></li>`,
  )}
  </ul>
</section>`
}

function sessionsCard(ctx: Context, { sessions, user }: { sessions: readonly Session[]; user: User }): Html {
  return html`<section class="card" aria-labelledby="sessions-head">
  <h2 id="sessions-head">Sessions</h2>
  <ul class="plain">${sessions.map(
    ({ id, address, agent, usedAt }) => html`
    <li><form class="line" method="post" action="${ACCOUNT.at('sessions')}">${formKey(ctx)}<input type="hidden" name="id" value="${id}">
      <span>${agent === '' ? 'a browser' : agent} <span class="soft">from ${address}, last used ${day(usedAt)}</span></span>
      ${id === user.sessionId ? html`<span class="tag good">this one</span>` : html`<button class="quiet">End</button>`}</form></li>`,
  )}
  </ul>
  ${sessions.length > 1 && html`<form method="post" action="${ACCOUNT.at('sessions')}">${formKey(ctx)}<button class="danger">End all others</button></form>`}
</section>`
}
