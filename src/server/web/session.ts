import { randomBytes, randomUUID, timingSafeEqual } from 'node:crypto'
import type Koa from 'koa'
import type { Context, Middleware } from 'koa'
import koaSession from 'koa-session'
import { Fault } from '../../base/fault.ts'
import { hours, type Millis, minutes } from '../../base/time.ts'
import type { Profile } from '../../registry/identities.ts'
import { ANONYMOUS, type Caller } from '../../registry/model.ts'
import type { Registry } from '../../registry/registry.ts'
import type { SessionData } from '../../registry/sessions.ts'
import { readBody } from '../http/body.ts'
import { Local } from '../http/local.ts'
import { type Html, html } from './html.ts'
import { TOKENS } from './paths.ts'

export type SessionConfig = {
  /** Signs the cookie. */
  readonly secret: string
  readonly lifetime: Millis
}

/** What a session carries between two pages. All of it is ours: nothing is taken from a request unseen. */
export type BrowserSession = {
  accountId?: string
  /** Stands in every form. */
  formKey?: string
  /** Shown on the next page, once. */
  notice?: string
  /** Who gave the password, and has until then to give the second factor. */
  halfway?: { accountId: string; until: Millis }
  /** Where to go once logged in; a path of ours. */
  next?: string
  /** What grant keeps between the way to a provider and back. */
  grant?: { provider?: string }
  /** What the next passkey must sign. */
  passkey?: string
  /** Whom a provider just vouched for, who has no account yet. */
  arrival?: Profile
  /** The invitation link that somebody follows. */
  link?: string
  /** The random key in the cookie. */
  readonly externalKey: string
  readonly isNew: boolean
  regenerate(): Promise<void>
}

/** Who did not log in is forgotten sooner. */
const ANONYMOUS_LIFETIME = hours(1)
const FORM_LIMIT = 64 * 1024
const HALFWAY = minutes(10)

/**
 * Browser sessions for what comes after it: an opaque signed cookie, everything else in the registry's store. From here on the session tells
 * who asks; a token opens no page. The cookie says when it ends by Expires alone, as the library behind koa-session writes it; the store, which
 * counts by our own clock, is what decides.
 */
export function browserSessions(
  koa: Koa,
  registry: Registry,
  { secret, lifetime, base }: SessionConfig & { base: string },
): Middleware {
  koa.keys = [secret]
  const forTheCookie = { path: base || '/' } // koa-session hands it on, though its type does not say so
  const run = koaSession(
    {
      ...forTheCookie,
      key: cookieOf(base),
      maxAge: lifetime,
      httpOnly: true,
      sameSite: 'lax',
      renew: true,
      signed: true,
      genid: () => `${randomUUID()}.${randomBytes(16).toString('base64url')}`,
      store: storeOf(registry),
    },
    koa,
  )
  return (ctx, next) => {
    ctx.cookies.secure = String(ctx.state.address).startsWith('https:')
    return run(ctx, async () => {
      let answer: Promise<Caller> | undefined
      ctx.state.who = () => {
        answer ??= whoOf(registry, ctx)
        return answer
      }
      await next()
    })
  }
}

/**
 * The cookie's name. A registry at the root of the host is sent to every path below it: of one name, its cookie would be taken for a
 * forged one there, and thrown away.
 */
function cookieOf(base: string): string {
  return `s${base.replaceAll('/', '~')}`
}

export function sessionOf(ctx: Context): BrowserSession {
  // koa-session puts it there as an open record; what we keep in it is written down above.
  return ctx.session as unknown as BrowserSession
}

/** Makes the session this account's, under a new id: one that somebody else may have planted is worth nothing then. */
export async function logIn(ctx: Context, accountId: string): Promise<void> {
  const session = sessionOf(ctx)
  session.accountId = accountId
  session.formKey = newFormKey()
  delete session.halfway
  await session.regenerate()
}

/** The password was right; the second factor is still to come. */
export async function logInHalfway(ctx: Context, accountId: string): Promise<void> {
  const session = sessionOf(ctx)
  session.halfway = { accountId, until: Date.now() + HALFWAY }
  await session.regenerate()
}

/** Whose second factor is awaited. */
export function halfwayOf(ctx: Context): string | undefined {
  const { halfway } = sessionOf(ctx)
  return halfway && halfway.until > Date.now() ? halfway.accountId : undefined
}

/** Ends the session, in the store too. */
export function logOut(ctx: Context): void {
  ctx.session = null
}

/** The hidden field that every form has which changes something. */
export function formKey(ctx: Context): Html {
  const session = sessionOf(ctx)
  session.formKey ??= newFormKey()
  return html`<input type="hidden" name="form_key" value="${session.formKey}">`
}

/** The fields of a form that this very session was shown. FORBIDDEN for any other; TOO_LARGE. */
export async function readForm(ctx: Context): Promise<URLSearchParams> {
  const text = (await readBody(ctx.req, FORM_LIMIT)).toString()
  if (/%00|\0/.test(text)) throw new Fault('BAD_REQUEST', { why: 'the form holds a NUL' }) // Postgres takes none
  const form = new URLSearchParams(text)
  checkFormKey(ctx, form.get('form_key'))
  return form
}

/** As readForm, for a form with files; `limit` counts the bytes of all of it. */
export async function readUpload(ctx: Context, limit: number): Promise<FormData> {
  const body = await readBody(ctx.req, limit)
  const headers = { 'content-type': ctx.get('content-type') }
  const form = await new Response(new Uint8Array(body), { headers }).formData().catch((cause) => {
    throw new Fault('BAD_REQUEST', { why: 'This is no form with a file.' }, { cause })
  })
  const key = form.get('form_key')
  checkFormKey(ctx, typeof key === 'string' ? key : null)
  return form
}

function checkFormKey(ctx: Context, key: string | null): void {
  const expected = Buffer.from(sessionOf(ctx).formKey ?? '')
  const given = Buffer.from(key ?? '')
  if (expected.length > 0 && expected.length === given.length && timingSafeEqual(expected, given)) return
  throw new Fault('FORBIDDEN', {
    why: 'This form is too old or was not ours. Go back, reload and try again.',
  })
}

/** The page of ours that somebody asked to be sent to; instead of anything that could lead elsewhere, their tokens. */
export function localPath(text: string | null | undefined): Local {
  if (!text || !/^\/(?![/\\])[\x21-\x7e]*$/.test(text) || text.includes('\\')) return TOKENS
  const url = URL.parse(text, 'http://local.invalid')
  // Without its dots, `/.//host` is `//host`: the address of another site.
  const isOurs = url?.host === 'local.invalid' && !url.pathname.startsWith('//')
  return isOurs ? new Local(`${url.pathname}${url.search}`) : TOKENS
}

async function whoOf(registry: Registry, ctx: Context): Promise<Caller> {
  const { isNew, accountId, externalKey } = sessionOf(ctx)
  if (isNew || accountId === undefined) return ANONYMOUS
  const caller = await registry.sessions.who(externalKey)
  return caller.kind === 'anonymous' ? caller : { ...caller, address: ctx.ip }
}

function storeOf({ sessions }: Registry) {
  return {
    async get(key: string, _maxAge: unknown, { ctx }: Given) {
      const data = await sessions.read(key)
      if (ctx && data) ctx.state.sessionKey = key
      return data
    },
    set(key: string, data: SessionData, maxAge: Millis, { ctx }: Given) {
      const lifetime = data.accountId === undefined ? Math.min(maxAge, ANONYMOUS_LIFETIME) : maxAge
      const use = { lifetime, address: ctx?.ip ?? '', agent: ctx?.get('user-agent') ?? '' }
      if (ctx?.state.sessionKey === key) return sessions.write(key, data, use)
      if (ctx) ctx.state.sessionKey = key
      return sessions.open(key, data, use)
    },
    destroy: (key: string) => sessions.drop(key),
  }
}

/** What koa-session gives its store. */
type Given = { ctx?: Context | undefined }

function newFormKey(): string {
  return randomBytes(24).toString('base64url')
}
