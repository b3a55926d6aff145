import type { Context } from 'koa'
import { Fault } from '../../../base/fault.ts'
import type { Account } from '../../../registry/accounts.ts'
import type { Origin } from '../../../registry/audit.ts'
import type { User } from '../../../registry/model.ts'
import type { Registry } from '../../../registry/registry.ts'
import { www } from '../../http/local.ts'
import { originOf } from '../../http/origin.ts'
import { seeOther, takeNotice } from '../account/parts.ts'
import type { WebDoor } from '../door.ts'
import { type Html, html } from '../html.ts'
import { paged } from '../lists.ts'
import { count, day, lineToCopy } from '../parts.ts'
import { userPath } from '../paths.ts'
import { formKey, readForm } from '../session.ts'
import { administrator, adminPage, adminPath } from './frame.ts'

const PATH = adminPath('users')

type Deed = {
  readonly title: string
  /** What the next page says. */
  readonly done: (name: string) => string
  readonly run: (accounts: Registry['accounts'], name: string, by: Origin) => Promise<void>
}

/** What can be done to an account from the list. */
const DEEDS = {
  disable: {
    title: 'Disable',
    done: (name) => `${name} is locked out.`,
    run: (accounts, name, by) => accounts.disable(name, by),
  },
  enable: {
    title: 'Enable',
    done: (name) => `${name} may log in again.`,
    run: (accounts, name, by) => accounts.enable(name, by),
  },
  promote: {
    title: 'Make administrator',
    done: (name) => `${name} is an administrator now.`,
    run: (accounts, name, by) => accounts.setRole(name, 'admin', by),
  },
  demote: {
    title: 'Make member',
    done: (name) => `${name} is a member now.`,
    run: (accounts, name, by) => accounts.setRole(name, 'member', by),
  },
} as const satisfies Readonly<Record<string, Deed>>

/** `GET /www/admin/users`. */
export async function usersPage(ctx: Context, door: WebDoor): Promise<void> {
  await show(ctx, door, await administrator(ctx, door))
}

/** `POST /www/admin/users`: something done to one account; never to one’s own, so that an administrator is left. */
export async function changeUser(ctx: Context, door: WebDoor): Promise<void> {
  const caller = await administrator(ctx, door)
  const form = await readForm(ctx)
  const name = form.get('name') ?? ''
  const deed: Deed | undefined = Object.entries(DEEDS).find(([key]) => key === form.get('deed'))?.[1]
  if (!deed) throw new Fault('BAD_REQUEST', { why: 'There is nothing like this to do.' })
  if (name === caller.name) throw new Fault('FORBIDDEN', { why: 'Not to your own account.' })
  await deed.run(door.registry.accounts, name, originOf(ctx, caller))
  seeOther(ctx, PATH, deed.done(name))
}

/** `POST /www/admin/users/invite`: a link that makes one account, shown once. */
export async function inviteUser(ctx: Context, door: WebDoor): Promise<void> {
  const caller = await administrator(ctx, door)
  const role = (await readForm(ctx)).get('role') === 'admin' ? 'admin' : 'member'
  const secret = await door.registry.signUp.invite(caller, role, originOf(ctx, caller))
  await show(ctx, door, caller, www('signup').with({ link: secret }).below(ctx.state.root))
}

async function show(ctx: Context, door: WebDoor, caller: User, link?: string): Promise<void> {
  const accounts = await door.registry.accounts.list()
  const { shown, links } = paged(ctx, accounts, PATH)
  const body = html`${takeNotice(ctx)}${link !== undefined && invitation(link)}
<h2>${count(accounts.length, 'account')}</h2>
<div class="scroll" tabindex="0"><table><thead><tr><th scope="col">Name</th><th scope="col">Mail</th><th scope="col">Role</th><th scope="col">Since</th><th scope="col">Change</th></tr></thead>
<tbody>${shown.map((account) => row(ctx, account, caller))}</tbody></table></div>${links}
<form class="line card" method="post" action="${PATH.at('invite')}">${formKey(ctx)}
<div><label for="role">Invite a new</label><select id="role" name="role"><option value="member">member</option><option value="admin">administrator</option></select></div>
<button class="quiet">Make a link</button></form>`
  await adminPage(ctx, 'users', body)
}

function invitation(link: string): Html {
  return html`<div class="note good"><p>Whoever opens this link can make one account. It is shown this once.</p>${lineToCopy(link, 'invitation link')}</div>`
}

function row(ctx: Context, account: Account, caller: User): Html {
  const { name, email, admin, createdAt, disabledAt } = account
  return html`<tr><th scope="row"><a href="${userPath(name)}">${name}</a> ${disabledAt !== undefined && html`<span class="tag bad">disabled</span>`}</th>
<td>${email || html`<span class="soft">none</span>`}</td><td>${admin ? html`<span class="tag accent">administrator</span>` : 'member'}</td><td>${day(createdAt)}</td>
<td>${name === caller.name ? html`<span class="soft">yourself</span>` : deedsFor(account).map((deed) => button(ctx, name, deed))}</td></tr>`
}

function deedsFor({ admin, disabledAt }: Account): (keyof typeof DEEDS)[] {
  return [disabledAt === undefined ? 'disable' : 'enable', admin ? 'demote' : 'promote']
}

function button(ctx: Context, name: string, deed: keyof typeof DEEDS): Html {
  return html`<form method="post" action="${PATH}">${formKey(ctx)}<input type="hidden" name="name" value="${name}"><button class="quiet" name="deed" value="${deed}" aria-label="${DEEDS[deed].title}: ${name}">${DEEDS[deed].title}</button></form> `
}
