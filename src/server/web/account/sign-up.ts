import type { Context } from 'koa'
import { Fault } from '../../../base/fault.ts'
import type { Account } from '../../../registry/accounts.ts'
import type { Profile } from '../../../registry/identities.ts'
import { www } from '../../http/local.ts'
import { originOf } from '../../http/origin.ts'
import { html } from '../html.ts'
import { page } from '../layout.ts'
import { LOGIN, TOKENS } from '../paths.ts'
import { formKey, readForm, sessionOf } from '../session.ts'
import { enter, providerLinks } from './login.ts'
import { type AccountDoor, field, problemNote, problemOf } from './parts.ts'

/** `GET /www/signup`, with `?link=SECRET` by invitation. */
export async function showSignUp(ctx: Context, door: AccountDoor): Promise<void> {
  const sent = typeof ctx.query.link === 'string' ? ctx.query.link : undefined
  const link = sent ?? sessionOf(ctx).link ?? ''
  const role = link === '' ? undefined : await door.registry.signUp.roleOf(link)
  // Who was sent a link expects what it promised: an ordinary account instead would be a surprise.
  if (role === undefined && (sent || !door.signUp)) return closedPage(ctx, link !== '')
  const { arrival } = sessionOf(ctx)
  await formPage(ctx, door, {
    link: role ? link : '',
    role,
    name: arrival?.name ?? '',
    email: arrival?.email ?? '',
  })
}

/** `POST /www/signup`. */
export async function signUp(ctx: Context, door: AccountDoor): Promise<void> {
  const form = await readForm(ctx)
  const [link = '', name = '', email = ''] = ['link', 'name', 'email'].map(
    (key) => form.get(key)?.trim() ?? '',
  )
  const { arrival } = sessionOf(ctx)
  let account: Account | undefined
  const problem = await problemOf(async () => {
    account = await make(ctx, door, { link, name, email, password: form.get('password') ?? '', arrival })
  })
  if (account) {
    delete sessionOf(ctx).arrival
    delete sessionOf(ctx).link
    return enter(ctx, door, { account, next: TOKENS })
  }
  const role = link === '' ? undefined : await door.registry.signUp.roleOf(link)
  await formPage(ctx, door, { link, role, name, email, problem })
}

type Wish = { link: string; name: string; email: string; password: string; arrival: Profile | undefined }

async function make(
  ctx: Context,
  { registry, signUp }: AccountDoor,
  { link, name, email, password, arrival }: Wish,
): Promise<Account> {
  const by = originOf(ctx, { name })
  const request = {
    name,
    email,
    by,
    // Who comes from a provider needs no password, but may have one.
    ...((!arrival || password !== '') && { password }),
    ...(arrival && {
      after: (tx: Parameters<typeof registry.identities.insert>[0], id: string) =>
        registry.identities.insert(tx, { account: { id, name }, profile: arrival, by }),
    }),
  }
  if (link !== '') return registry.signUp.accept(link, request)
  if (!signUp) throw new Fault('FORBIDDEN', { why: 'New accounts are made by invitation here.' })
  return registry.signUp.open(request)
}

type FormPage = {
  link: string
  role: 'admin' | 'member' | undefined
  name: string
  email: string
  problem?: Fault | undefined
}

async function formPage(
  ctx: Context,
  { providers }: AccountDoor,
  { link, role, name, email, problem }: FormPage,
): Promise<void> {
  const { arrival } = sessionOf(ctx)
  if (link !== '') sessionOf(ctx).link = link
  const hint = arrival
    ? `You come from ${arrival.provider}. A password is another way in; you can leave it out.`
    : 'Eight characters or more.'
  const nameHint = 'a-z, 0-9, ".", "_" and "-". It is your namespace too: your packages are @name/…'
  const body = html`<div class="narrow">
  <h1>Make an account</h1>
  ${problemNote(problem)}
  ${role === 'admin' && html`<p class="note">This account will be an administrator.</p>`}
  <form class="stack card" method="post" action="${www('signup')}">
    ${formKey(ctx)}<input type="hidden" name="link" value="${link}">
    ${field({ name: 'name', label: 'User name', value: name, hint: nameHint, autocomplete: 'username', required: true })}
    ${field({ name: 'email', label: 'Email (you can leave it out)', type: 'email', value: email, autocomplete: 'email' })}
    ${field({ name: 'password', label: 'Password', type: 'password', hint, autocomplete: 'new-password', required: !arrival })}
    <button>Make the account</button>
  </form>
  ${!arrival && providerLinks(providers.list, TOKENS)}
</div>`
  await page(ctx, { title: 'Sign up', body, status: problem?.status ?? 200 })
}

async function closedPage(ctx: Context, hadLink: boolean): Promise<void> {
  const why = hadLink
    ? 'This link was used already, was replaced by a newer one, or is too old.'
    : 'New accounts are made by invitation here.'
  const body = html`<div class="empty">
  <h1>No new account</h1>
  <p>${why} Ask an administrator of this registry for a link; where there is none yet, the server prints one when it starts.</p>
  <p><a class="button" href="${LOGIN}">Log in</a></p>
</div>`
  await page(ctx, { title: 'Sign up', body, status: 403 })
}
