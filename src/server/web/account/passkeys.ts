import { isIP } from 'node:net'
import type { Context } from 'koa'
import { Fault, fail } from '../../../base/fault.ts'
import type { User } from '../../../registry/model.ts'
import type { Passkey, PasskeyAnswer } from '../../../registry/passkeys.ts'
import type { Local } from '../../http/local.ts'
import { originOf } from '../../http/origin.ts'
import { type Html, html } from '../html.ts'
import { day } from '../parts.ts'
import { ACCOUNT } from '../paths.ts'
import { formKey, readForm, sessionOf } from '../session.ts'
import { staticPath } from '../static.ts'
import { type AccountDoor, accountOf, checkPassword, field, seeOther } from './parts.ts'

const PATH = ACCOUNT.at('passkeys')
const BACK = ACCOUNT.at('second-factor')

/** A form that a passkey answers: `action` gets the answer as `credential`. */
export async function passkeyForm(
  ctx: Context,
  { registry }: AccountDoor,
  { action, inner, label }: { action: Local; inner?: Html; label: string },
): Promise<Html | undefined> {
  if (!canHavePasskeys(ctx)) return undefined
  const { options, challenge } = await registry.passkeys.ask(siteOf(ctx))
  sessionOf(ctx).passkey = challenge
  return html`<form class="stack" method="post" action="${action}" data-passkey="${options}" data-act="get" hidden>
    ${formKey(ctx)}<input type="hidden" name="credential" value="">${inner}
    <button class="quiet">${label}</button><p role="status"></p>
  </form>
  <script src="${staticPath('passkey.js')}" defer></script>`
}

/** What a passkey answered, to the question on the page last shown; each question is answered once. */
export function passkeyAnswer(ctx: Context, form: URLSearchParams): PasskeyAnswer {
  const session = sessionOf(ctx)
  const challenge = session.passkey ?? fail('BAD_REQUEST', { why: 'This page is too old. Reload it.' })
  delete session.passkey
  return { response: form.get('credential') ?? '', challenge, site: siteOf(ctx) }
}

/** The second factor on a form: a passkey of this account, or else a code. OTP_REQUIRED, BAD_REQUEST. */
export async function secondFactor(
  ctx: Context,
  { registry }: AccountDoor,
  { account, form }: { account: { id: string; name: string }; form: URLSearchParams },
): Promise<void> {
  if (!form.get('credential')) return registry.twoFactor.verify(account, form.get('code') ?? '', ctx.ip)
  const owner = await registry.passkeys.verify(passkeyAnswer(ctx, form))
  if (owner.id !== account.id)
    throw new Fault('BAD_REQUEST', { why: 'This is a passkey of another account.' })
}

/** The card that lists and adds passkeys. */
export async function passkeysCard(ctx: Context, door: AccountDoor, user: User): Promise<Html | undefined> {
  if (!canHavePasskeys(ctx)) return undefined
  const { passkeys } = door.registry
  const { hasPassword } = await accountOf(door, user)
  const { options, challenge } = await passkeys.offer(user, siteOf(ctx))
  sessionOf(ctx).passkey = challenge
  return html`<section class="card" aria-labelledby="passkeys-head">
  <h2 id="passkeys-head">Passkeys</h2>
  <p>A passkey logs you in with a fingerprint, a PIN or a key, without password and code, and stands for a one-time password.</p>
  <ul class="plain">${(await passkeys.list(user.id)).map((passkey) => passkeyLine(ctx, passkey))}</ul>
  <form class="stack" method="post" action="${PATH}" data-passkey="${options}" data-act="create" hidden>
    ${formKey(ctx)}<input type="hidden" name="credential" value="">
    ${field({ name: 'name', label: 'Name', hint: 'Such as "laptop" or "blue key".', required: true })}
    ${hasPassword && field({ name: 'password', id: 'passkey-password', label: 'Password', type: 'password', autocomplete: 'current-password', required: true })}
    <button>Add a passkey</button><p role="status"></p>
  </form>
  <script src="${staticPath('passkey.js')}" defer></script>
</section>`
}

/** `POST /www/account/passkeys`. */
export async function addPasskey(ctx: Context, door: AccountDoor, user: User): Promise<void> {
  const form = await readForm(ctx)
  const answer = passkeyAnswer(ctx, form)
  const account = await accountOf(door, user)
  await checkPassword(ctx, door, { account, password: form.get('password') ?? '' })
  const name = form.get('name')?.trim() || 'passkey'
  await door.registry.passkeys.add(account, { ...answer, name, by: originOf(ctx, user) })
  seeOther(ctx, BACK, 'The passkey is added.')
}

/** `POST /www/account/passkeys/remove`. */
export async function removePasskey(ctx: Context, { registry }: AccountDoor, user: User): Promise<void> {
  const form = await readForm(ctx)
  await registry.passkeys.remove(user, form.get('id') ?? '', originOf(ctx, user))
  seeOther(ctx, BACK, 'The passkey is removed.')
}

function passkeyLine(ctx: Context, { id, name, createdAt, usedAt }: Passkey): Html {
  return html`
    <li><form class="line" method="post" action="${PATH.at('remove')}">${formKey(ctx)}<input type="hidden" name="id" value="${id}">
      <span>${name} <span class="soft">since ${day(createdAt)}, ${usedAt === undefined ? 'never used' : html`last used ${day(usedAt)}`}</span></span>
      <button class="quiet" aria-label="Remove ${name}">Remove</button></form></li>`
}

/** They belong to a host name; where people come by address, browsers have none. */
function canHavePasskeys(ctx: Context): boolean {
  return isIP(new URL(siteOf(ctx)).hostname.replace(/^\[|\]$/g, '')) === 0
}

function siteOf(ctx: Context): string {
  return new URL(String(ctx.state.root)).origin
}
