import type { Context } from 'koa'
import type { Fault } from '../../../base/fault.ts'
import type { Challenge } from '../../../registry/logins.ts'
import type { User } from '../../../registry/model.ts'
import { originOf } from '../../http/origin.ts'
import { type Html, html } from '../html.ts'
import { page } from '../layout.ts'
import { LOGIN } from '../paths.ts'
import { formKey, readForm } from '../session.ts'
import { type AccountDoor, accountOf, field, problemNote, problemOf } from './parts.ts'
import { passkeyForm, secondFactor } from './passkeys.ts'

const ANSWER = LOGIN.at('answer')

/** What a command line waits for: asked on `/www/login?cli=ID` and `/www/login/confirm?id=ID`. NOT_FOUND. */
export async function showChallenge(
  ctx: Context,
  door: AccountDoor,
  { id, user, problem }: { id: string; user: User; problem?: Fault },
): Promise<void> {
  const challenge = await door.registry.logins.find(id, user)
  const body = challenge.purpose === 'login' ? allowBody : confirmBody
  const title = challenge.purpose === 'login' ? 'Allow this computer?' : 'Confirm with your second factor'
  await page(ctx, {
    title,
    status: problem?.status ?? 200,
    body: html`<div class="narrow">
  <h1>${title}</h1>
  ${problemNote(problem)}
  ${body(challenge, user)}
  <form class="stack card" method="post" action="${ANSWER}">
    ${formKey(ctx)}<input type="hidden" name="id" value="${id}">
    ${challenge.purpose === 'otp' && codeField}
    <p><button name="answer" value="allow">Allow</button>
    <button class="quiet" name="answer" value="deny" formnovalidate>Deny</button></p>
  </form>
  ${challenge.purpose === 'otp' && (await passkeyForm(ctx, door, { action: ANSWER, inner: allowed(id), label: 'Allow with a passkey' }))}
</div>`,
  })
}

/** `GET /www/login/confirm`. */
export async function showConfirm(ctx: Context, door: AccountDoor, user: User): Promise<void> {
  await showChallenge(ctx, door, { id: String(ctx.query.id ?? ''), user })
}

/** `POST /www/login/answer`. */
export async function answer(ctx: Context, door: AccountDoor, user: User): Promise<void> {
  const form = await readForm(ctx)
  const id = form.get('id') ?? ''
  const { logins } = door.registry
  const by = originOf(ctx, user)
  if (form.get('answer') !== 'allow') {
    await logins.deny(id, user, by)
    return done(ctx, { title: 'Denied', text: 'The command line gets nothing. You can close this page.' })
  }
  const { purpose } = await logins.find(id, user)
  const account = await accountOf(door, user)
  const problem = await problemOf(async () => {
    // Whoever found this browser open cannot publish with it: here a session is not enough.
    if (purpose === 'otp') await secondFactor(ctx, door, { account, form })
    await logins.allow(id, user, by)
  })
  if (problem) return showChallenge(ctx, door, { id, user, problem })
  await done(ctx, { title: 'Done', text: 'Go back to your command line. You can close this page.' })
}

const allowed = (id: string) =>
  html`<input type="hidden" name="id" value="${id}"><input type="hidden" name="answer" value="allow">`

const codeField = field({
  name: 'code',
  label: 'One-time password',
  hint: 'Six digits from your authenticator app, or one of your recovery codes.',
  autocomplete: 'one-time-code',
  required: true,
})

function allowBody(challenge: Challenge, user: User): Html {
  return html`<p>A command line asks to publish and read packages as <strong>${user.name}</strong>.</p>
  ${facts(challenge)}
  <p class="note warn">Allow it only if you have just begun a login yourself. Whoever sent you a link to this page would get into your account.</p>`
}

function confirmBody(challenge: Challenge, user: User): Html {
  return html`<p>A command line is changing something as <strong>${user.name}</strong> and needs your second factor.</p>
  ${facts(challenge)}`
}

function facts({ purpose, description, address, agent }: Challenge): Html {
  return html`<dl class="facts">
    <dt>${purpose === 'login' ? 'Computer' : 'Command'}</dt><dd>${description === '' ? 'did not say its name' : description}</dd>
    <dt>Address</dt><dd>${address}</dd>
    <dt>Program</dt><dd>${agent === '' ? 'did not say its name' : agent}</dd>
  </dl>`
}

async function done(ctx: Context, { title, text }: { title: string; text: string }): Promise<void> {
  await page(ctx, { title, body: html`<div class="empty"><h1>${title}</h1><p>${text}</p></div>` })
}
