import type { Context } from 'koa'
import { Fault } from '../../../base/fault.ts'
import type { Account } from '../../../registry/accounts.ts'
import { HOME, type Local, redirect, www } from '../../http/local.ts'
import { originOf } from '../../http/origin.ts'
import { type Html, html } from '../html.ts'
import { page } from '../layout.ts'
import { LOGIN } from '../paths.ts'
import {
  formKey,
  halfwayOf,
  localPath,
  logIn,
  logInHalfway,
  logOut,
  readForm,
  sessionOf,
} from '../session.ts'
import { showChallenge } from './challenge.ts'
import { type AccountDoor, field, problemNote, problemOf, seeOther, takeNotice } from './parts.ts'
import { passkeyAnswer, passkeyForm, secondFactor } from './passkeys.ts'
import { wayOf } from './providers.ts'

const CODE = LOGIN.at('code')
const WRONG = 'The user name or the password is wrong.'

/** `GET /www/login`, with `?cli=ID` when a command line waits, or `?next=PATH`. */
export async function showLogin(ctx: Context, door: AccountDoor): Promise<void> {
  const cli = typeof ctx.query.cli === 'string' ? ctx.query.cli : undefined
  const caller = await ctx.state.who()
  if (caller.kind === 'user' && cli !== undefined) return showChallenge(ctx, door, { id: cli, user: caller })
  const next = cli === undefined ? localPath(text(ctx.query.next)) : LOGIN.with({ cli })
  if (caller.kind === 'user') return redirect(ctx, next)
  await loginPage(ctx, door, { next, isCli: cli !== undefined })
}

/** `POST /www/login`. */
export async function login(ctx: Context, door: AccountDoor): Promise<void> {
  const form = await readForm(ctx)
  const name = form.get('name') ?? ''
  const next = localPath(form.get('next'))
  let account: Account | undefined
  const problem = await problemOf(async () => {
    account = await door.registry.accounts.verifyPassword(name, form.get('password') ?? '', ctx.ip)
    if (!account) throw new Fault('UNAUTHENTICATED', { why: WRONG })
  })
  if (account) return enter(ctx, door, { account, next })
  await loginPage(ctx, door, { next, name, isCli: false, problem })
}

/** `POST /www/login/passkey`: it verified its user, so nothing more is asked. */
export async function loginByPasskey(ctx: Context, door: AccountDoor): Promise<void> {
  const form = await readForm(ctx)
  const next = localPath(form.get('next'))
  let account: Account | undefined
  const problem = await problemOf(async () => {
    account = await door.registry.passkeys.verify(passkeyAnswer(ctx, form))
  })
  if (account) return opened(ctx, door.registry, { account, next })
  await loginPage(ctx, door, { next, isCli: false, problem })
}

/** Opens the session, or asks for the second factor first. */
export async function enter(
  ctx: Context,
  { registry }: AccountDoor,
  { account, next }: { account: Account; next: Local },
): Promise<void> {
  if (!(await registry.twoFactor.isActive(account.id))) return opened(ctx, registry, { account, next })
  sessionOf(ctx).next = next.path
  await logInHalfway(ctx, account.id)
  seeOther(ctx, CODE)
}

/** `GET /www/login/code`. */
export async function showCode(ctx: Context, door: AccountDoor): Promise<void> {
  if (halfwayOf(ctx) === undefined) return redirect(ctx, LOGIN)
  await codePage(ctx, door, undefined)
}

/** `POST /www/login/code`: the second factor. */
export async function giveCode(ctx: Context, door: AccountDoor): Promise<void> {
  const form = await readForm(ctx)
  const account = await door.registry.accounts.findById(halfwayOf(ctx) ?? '')
  if (!account || account.disabledAt !== undefined) return seeOther(ctx, LOGIN)
  const problem = await problemOf(() => secondFactor(ctx, door, { account, form }))
  if (problem) return codePage(ctx, door, problem)
  await opened(ctx, door.registry, { account, next: localPath(sessionOf(ctx).next) })
}

/** `POST /www/logout`. */
export async function logout(ctx: Context, { registry }: AccountDoor): Promise<void> {
  await readForm(ctx)
  const caller = await ctx.state.who()
  if (caller.kind === 'user')
    await registry.audit.note(originOf(ctx, caller), { action: 'logout', subject: caller.name })
  logOut(ctx)
  seeOther(ctx, HOME)
}

async function opened(
  ctx: Context,
  registry: AccountDoor['registry'],
  { account, next }: { account: Account; next: Local },
): Promise<void> {
  delete sessionOf(ctx).next
  await logIn(ctx, account.id)
  await registry.audit.note(originOf(ctx, account), { action: 'login', subject: account.name })
  seeOther(ctx, next)
}

type LoginPage = { next: Local; isCli: boolean; name?: string; problem?: Fault | undefined }

async function loginPage(
  ctx: Context,
  door: AccountDoor,
  { next, isCli, name = '', problem }: LoginPage,
): Promise<void> {
  const { signUp, providers } = door
  const inner = html`<input type="hidden" name="next" value="${next.path}">`
  const body = html`<div class="narrow">
  <h1>Log in</h1>
  ${takeNotice(ctx)}${problemNote(problem)}
  ${isCli && html`<p>Log in to go on with the login of your command line.</p>`}
  <form class="stack card" method="post" action="${LOGIN}">
    ${formKey(ctx)}<input type="hidden" name="next" value="${next.path}">
    ${field({ name: 'name', label: 'User name', value: name, autocomplete: 'username', required: true })}
    ${field({ name: 'password', label: 'Password', type: 'password', autocomplete: 'current-password', required: true })}
    <button>Log in</button>
  </form>
  ${await passkeyForm(ctx, door, { action: LOGIN.at('passkey'), inner, label: 'Log in with a passkey' })}
  ${providerLinks(providers.list, next)}
  <p>${signUp ? html`No account yet? <a href="${www('signup')}">Sign up</a>` : 'New accounts are made by invitation here.'}</p>
</div>`
  await page(ctx, { title: 'Log in', body, status: problem?.status ?? 200 })
}

/** Links, not forms: the way leads through another site, which the content security policy allows to links alone. */
export function providerLinks(providers: AccountDoor['providers']['list'], next: Local): Html | undefined {
  if (providers.length === 0) return undefined
  return html`<ul class="plain">${providers.map(
    ({ id, title }) => html`
    <li><a class="button quiet" href="${wayOf(id, next)}" rel="nofollow">Log in with ${title}</a></li>`,
  )}
  </ul>`
}

async function codePage(ctx: Context, door: AccountDoor, problem: Fault | undefined): Promise<void> {
  const hint = 'Six digits from your authenticator app, or one of your recovery codes.'
  const body = html`<div class="narrow">
  <h1>One more step</h1>
  ${problemNote(problem)}
  <form class="stack card" method="post" action="${CODE}">
    ${formKey(ctx)}
    ${field({ name: 'code', label: 'One-time password', hint, autocomplete: 'one-time-code', required: true })}
    <button>Go on</button>
  </form>
  ${await passkeyForm(ctx, door, { action: CODE, label: 'Use a passkey' })}
</div>`
  await page(ctx, { title: 'One-time password', body, status: problem?.status ?? 200 })
}

function text(value: string | string[] | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}
