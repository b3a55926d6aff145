import type { Context } from 'koa'
import { Fault, fail, isFault } from '../../../base/fault.ts'
import type { Account } from '../../../registry/accounts.ts'
import type { User } from '../../../registry/model.ts'
import type { Registry } from '../../../registry/registry.ts'
import { type Local, redirect } from '../../http/local.ts'
import { type Html, html } from '../html.ts'
import { sessionOf } from '../session.ts'
import type { Providers } from './providers.ts'

/** What the account pages are made from. */
export type AccountDoor = {
  readonly registry: Registry
  /** Whether anybody may make an account. */
  readonly signUp: boolean
  readonly providers: Providers
}

type Field = {
  readonly name: string
  /** Where the name stands twice on a page. */
  readonly id?: string
  readonly label: string
  readonly type?: 'text' | 'password' | 'email' | 'number'
  readonly value?: string
  /** For the browser's own filling in. */
  readonly autocomplete?: string
  readonly hint?: string
  readonly required?: boolean
}

/** A labelled input. */
export function field({
  name,
  id = name,
  label,
  type = 'text',
  value = '',
  autocomplete,
  hint,
  required,
}: Field): Html {
  const describedBy = hint === undefined ? undefined : html` aria-describedby="${id}-hint"`
  return html`<div>
  <label for="${id}">${label}</label>
  <input id="${id}" name="${name}" type="${type}" value="${value}"${describedBy}${required && html` required`} autocomplete="${autocomplete ?? 'off'}" autocapitalize="none" spellcheck="false">
  ${hint !== undefined && html`<p id="${id}-hint" class="small soft">${hint}</p>`}
</div>`
}

/** What went wrong with the last try, above the form. */
export function problemNote(problem: Fault | undefined): Html | undefined {
  return problem && html`<p class="note bad" role="alert">${problem.message}</p>`
}

/** What the last page did, shown once. */
export function takeNotice(ctx: Context): Html | undefined {
  const { notice } = sessionOf(ctx)
  delete sessionOf(ctx).notice
  return notice === undefined ? undefined : html`<p class="note good" role="status">${notice}</p>`
}

/** Leads on after a form, so that reloading does not send it again. */
export function seeOther(ctx: Context, to: Local, notice?: string): void {
  if (notice !== undefined) sessionOf(ctx).notice = notice
  ctx.status = 303
  redirect(ctx, to)
}

/** Runs what a form asks for; a Fault is shown with the form again instead of on a page of its own. */
export async function problemOf(work: () => Promise<void>): Promise<Fault | undefined> {
  try {
    await work()
    return undefined
  } catch (error) {
    if (isFault(error)) return error
    throw error
  }
}

type UserPage = (ctx: Context, door: AccountDoor, user: User) => Promise<void>

/** A page for people who are logged in; the others log in first and come back. */
export function forUser(door: AccountDoor, show: UserPage): (ctx: Context) => Promise<void> {
  return async (ctx) => {
    const caller = await ctx.state.who()
    if (caller.kind === 'user') return show(ctx, door, caller)
    throw new Fault('UNAUTHENTICATED', {})
  }
}

export async function accountOf({ registry }: AccountDoor, user: User): Promise<Account> {
  return (await registry.accounts.findById(user.id)) ?? fail('UNAUTHENTICATED', {})
}

/** The password of whoever sits there now; BAD_REQUEST, since 401 would send them to log in. */
export async function checkPassword(
  ctx: Context,
  { registry }: AccountDoor,
  { account, password }: { account: Account; password: string },
): Promise<void> {
  if (!account.hasPassword || (await registry.accounts.verifyPassword(account.name, password, ctx.ip))) return
  throw new Fault('BAD_REQUEST', { why: 'The password is wrong.' })
}
