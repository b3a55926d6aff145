import type { Context } from 'koa'
import encodeQR from 'qr'
import { Fault } from '../../../base/fault.ts'
import type { User } from '../../../registry/model.ts'
import type { TfaMode, TfaStatus } from '../../../registry/two-factor.ts'
import { originOf } from '../../http/origin.ts'
import { type Html, html, trusted } from '../html.ts'
import { page } from '../layout.ts'
import { lineToCopy } from '../parts.ts'
import { ACCOUNT } from '../paths.ts'
import { formKey, readForm } from '../session.ts'
import {
  type AccountDoor,
  accountOf,
  checkPassword,
  field,
  problemNote,
  problemOf,
  seeOther,
  takeNotice,
} from './parts.ts'
import { passkeysCard } from './passkeys.ts'
import { accountTabs } from './tabs.ts'

const PATH = ACCOUNT.at('second-factor')

/** `GET /www/account/second-factor`. */
export async function showSecondFactor(ctx: Context, door: AccountDoor, user: User): Promise<void> {
  await factorPage(ctx, door, { user })
}

/** `POST /www/account/second-factor`: begin, confirm, mode, codes or disable, as `act` says. */
export async function changeSecondFactor(ctx: Context, door: AccountDoor, user: User): Promise<void> {
  const form = await readForm(ctx)
  let codes: readonly string[] | undefined
  const problem = await problemOf(async () => {
    codes = await change(ctx, door, { user, form })
  })
  if (problem || codes) return factorPage(ctx, door, { user, problem, codes })
  seeOther(ctx, PATH, form.get('act') === 'begin' ? undefined : 'Done.')
}

/** Resolves to recovery codes where there are new ones. */
async function change(
  ctx: Context,
  door: AccountDoor,
  { user, form }: { user: User; form: URLSearchParams },
): Promise<string[] | undefined> {
  const { twoFactor } = door.registry
  const by = originOf(ctx, user)
  const account = await accountOf(door, user)
  const code = form.get('code') ?? ''
  const act = form.get('act')
  if (act === 'confirm') {
    const codes = await twoFactor.confirm(user, code, by)
    await door.registry.sessions.endOthers(user, by) // they were opened without it
    return codes
  }
  if (act === 'begin') {
    await checkPassword(ctx, door, { account, password: form.get('password') ?? '' })
    await twoFactor.begin(user, 'auth-only')
    return undefined
  }
  await twoFactor.verify(user, code, ctx.ip)
  if (act === 'codes') return twoFactor.renewCodes(user, by)
  if (act === 'disable') await twoFactor.remove(user, by)
  else if (act === 'mode') await twoFactor.setMode(user, modeOf(form.get('mode')), by)
  return undefined
}

function modeOf(text: string | null): TfaMode {
  if (text === 'auth-only' || text === 'auth-and-writes') return text
  throw new Fault('BAD_REQUEST', { why: 'The mode is auth-only or auth-and-writes.' })
}

type FactorPage = { user: User; problem?: Fault | undefined; codes?: readonly string[] | undefined }

async function factorPage(
  ctx: Context,
  door: AccountDoor,
  { user, problem, codes }: FactorPage,
): Promise<void> {
  const { registry } = door
  const status = await registry.twoFactor.status(user.id)
  const uri = await registry.twoFactor.pendingUri(user)
  const account = await registry.accounts.findById(user.id)
  const body = html`<h1>Second factor</h1>
${accountTabs('security')}
${takeNotice(ctx)}${problemNote(problem)}${codes && codesNote(codes)}
${uri !== undefined ? confirmCard(ctx, uri) : status && !status.isPending ? activeCards(ctx, status) : beginCard(ctx, account?.hasPassword ?? false)}
${await passkeysCard(ctx, door, user)}`
  await page(ctx, {
    title: 'Second factor',
    body,
    status: problem?.status === 429 ? 429 : problem ? 400 : 200,
  })
}

function codesNote(codes: readonly string[]): Html {
  return html`<section class="note good" role="status" aria-labelledby="codes-head">
  <h2 id="codes-head">Recovery codes</h2>
  <p>Each opens your account once when your authenticator is lost. Keep them where that is not; they are not shown again.</p>
  <ul class="mono">${codes.map((code) => html`<li>${code}</li>`)}</ul>
</section>`
}

function beginCard(ctx: Context, hasPassword: boolean): Html {
  return html`<section class="card" aria-labelledby="begin-head">
  <h2 id="begin-head">Off</h2>
  <p>With a second factor, your password alone opens nothing: an authenticator app shows a new code every 30 seconds.</p>
  <form class="stack" method="post" action="${PATH}">${formKey(ctx)}<input type="hidden" name="act" value="begin">
    ${hasPassword && field({ name: 'password', label: 'Password', type: 'password', autocomplete: 'current-password', required: true })}
    <button>Set it up</button>
  </form>
</section>`
}

function confirmCard(ctx: Context, uri: string): Html {
  // An SVG of squares made here from our own text.
  const code = trusted(encodeQR(uri, 'svg', { border: 4 }))
  const key = new URL(uri).searchParams.get('secret') ?? ''
  return html`<section class="card" aria-labelledby="confirm-head">
  <h2 id="confirm-head">Scan, then type the code</h2>
  <div class="qr" role="img" aria-label="QR code for your authenticator app">${code}</div>
  <p>Or type this key into the app:</p>
  ${lineToCopy(key, 'key')}
  <form class="stack" method="post" action="${PATH}">${formKey(ctx)}<input type="hidden" name="act" value="confirm">
    ${field({ name: 'code', label: 'The six digits that the app shows', autocomplete: 'one-time-code', required: true })}
    <button>Turn it on</button>
  </form>
</section>`
}

function activeCards(ctx: Context, { mode, recoveryCodes }: TfaStatus): Html {
  const option = (value: TfaMode, label: string) =>
    html`<p><label><input type="radio" name="mode" value="${value}"${mode === value && html` checked`}> ${label}</label></p>`
  return html`<section class="card" aria-labelledby="on-head">
  <h2 id="on-head">On</h2>
  <p>${recoveryCodes} recovery codes are left.</p>
  <form class="stack" method="post" action="${PATH}">${formKey(ctx)}
    <fieldset><legend>It is asked for</legend>
      ${option('auth-only', 'when you log in')}
      ${option('auth-and-writes', 'when you log in, and whenever something is published or changed')}
    </fieldset>
    ${field({ name: 'code', label: 'One-time password', autocomplete: 'one-time-code', required: true })}
    <p><button name="act" value="mode">Change</button>
    <button class="quiet" name="act" value="codes">New recovery codes</button>
    <button class="danger" name="act" value="disable">Turn it off</button></p>
  </form>
</section>`
}
