import grantModule, { type GrantConfig, type GrantProvider, type GrantResponse } from 'grant'
import type { Context, Middleware } from 'koa'
import { Fault, fail } from '../../../base/fault.ts'
import type { Profile } from '../../../registry/identities.ts'
import { param } from '../../http/json.ts'
import type { Local } from '../../http/local.ts'
import { LOGIN } from '../paths.ts'
import { localPath, sessionOf } from '../session.ts'

/** Somebody who vouches for people: GitHub's OAuth, or an OpenID Connect issuer, which describes itself. */
export type ProviderConfig = {
  /** Stands in addresses and in stored identities, for ever. */
  readonly id: string
  readonly title: string
  readonly client: string
  readonly secret: string
} & (
  | { readonly kind: 'github'; readonly site: string; readonly api: string }
  | { readonly kind: 'oidc'; readonly issuer: string }
)

const PROVIDERS = LOGIN.at('providers')

/** The way to a provider and back, and then to `next`. */
export function wayOf(provider: string, next: Local): Local {
  return PROVIDERS.at(provider).with({ next: next.path })
}

/** Logging in with an account elsewhere: `grant` walks the way there and back, with `state` and PKCE. */
export class Providers {
  readonly list: readonly ProviderConfig[]
  readonly #walks = new Map<string, Promise<Middleware>>()

  constructor(list: readonly ProviderConfig[]) {
    this.list = list
  }

  /** `GET …/providers/ID`, with `?next=PATH`: leads to the provider. */
  async begin(ctx: Context): Promise<void> {
    const provider = this.#find(ctx)
    const session = sessionOf(ctx)
    session.next = localPath(typeof ctx.query.next === 'string' ? ctx.query.next : undefined).path
    await this.#walk(ctx, provider)
  }

  /** The way back: whom the provider vouches for. NOT_FOUND when this browser never set out; FORBIDDEN when it vouches for nobody. */
  async finish(ctx: Context): Promise<{ provider: ProviderConfig; profile: Profile }> {
    const provider = this.#find(ctx)
    const session = sessionOf(ctx)
    if (session.grant?.provider !== provider.id) fail('NOT_FOUND', { what: ctx.path })
    const response = await this.#walk(ctx, provider).finally(() => {
      delete session.grant // one way there, one way back
    })
    return { provider, profile: profileOf(provider, response) }
  }

  #find(ctx: Context): ProviderConfig {
    const id = param(ctx, 'provider')
    return this.list.find((provider) => provider.id === id) ?? fail('NOT_FOUND', { what: ctx.path })
  }

  /** One step of grant's: a redirect, or what the provider answered. */
  async #walk(ctx: Context, provider: ProviderConfig): Promise<GrantResponse | undefined> {
    const walk = await this.#walkOf(provider)
    // The address we are known by can differ from one request to the next.
    const redirect_uri = PROVIDERS.at(provider.id, 'callback').below(ctx.state.root)
    ctx.state.grant = { dynamic: { redirect_uri } }
    await walk(ctx, async () => undefined)
    return ctx.state.grant?.response
  }

  #walkOf(provider: ProviderConfig): Promise<Middleware> {
    const known = this.#walks.get(provider.id)
    if (known) return known
    // CommonJS with a `default` of its own, which is the same function.
    const made = describe(provider).then((described) =>
      grantModule.default.koa()(configOf(provider, described)),
    )
    this.#walks.set(provider.id, made)
    made.catch(() => this.#walks.delete(provider.id)) // it is asked again next time
    return made
  }
}

function configOf(provider: ProviderConfig, described: GrantProvider): GrantConfig {
  return {
    defaults: {
      origin: 'http://replaced.invalid',
      prefix: PROVIDERS.path,
      transport: 'state',
      state: true,
      response: ['tokens', 'profile'],
      dynamic: [], // nothing from the query
    },
    [provider.id]: {
      oauth: 2,
      scope_delimiter: ' ',
      key: provider.client,
      secret: provider.secret,
      pkce: true,
      ...described,
    },
  }
}

/** The provider's addresses. */
async function describe(provider: ProviderConfig): Promise<GrantProvider> {
  if (provider.kind === 'oidc') return discover(provider)
  return {
    authorize_url: `${provider.site}/login/oauth/authorize`,
    access_url: `${provider.site}/login/oauth/access_token`,
    profile_url: `${provider.api}/user`,
  }
}

/** OpenID Connect Discovery 1.0. UNAVAILABLE when the issuer does not answer as it must. */
async function discover({ issuer, title }: { issuer: string; title: string }): Promise<GrantProvider> {
  try {
    const response = await fetch(`${issuer}/.well-known/openid-configuration`, {
      signal: AbortSignal.timeout(10_000),
    })
    const document = (await response.json()) as Record<string, unknown> // checked field by field below
    const methods = document.token_endpoint_auth_methods_supported
    const takesPost = Array.isArray(methods) && methods.includes('client_secret_post')
    return {
      authorize_url: address(document.authorization_endpoint),
      access_url: address(document.token_endpoint),
      profile_url: address(document.userinfo_endpoint),
      scope: ['openid', 'profile', 'email'],
      ...(!takesPost && { token_endpoint_auth_method: 'client_secret_basic' }),
    }
  } catch (error) {
    throw new Fault('UNAVAILABLE', { why: `${title} does not answer. Try again later.` }, { cause: error })
  }
}

function address(value: unknown): string {
  if (typeof value === 'string' && /^https?:\/\//.test(value)) return value
  throw new Error('the issuer describes itself without its addresses')
}

/** FORBIDDEN when the provider did not say who this is. */
function profileOf(provider: ProviderConfig, response: GrantResponse | undefined): Profile {
  // JSON of the provider: every field is looked at before it is believed.
  const profile = (response?.profile ?? {}) as Record<string, unknown>
  const subject = provider.kind === 'github' ? profile.id : profile.sub
  if (response?.error !== undefined || (typeof subject !== 'string' && typeof subject !== 'number')) {
    const why = `${provider.title} did not say who you are. Go back and try again.`
    throw new Fault('FORBIDDEN', { why }, { cause: response?.error })
  }
  const name =
    text(profile.login) ?? text(profile.preferred_username) ?? text(profile.email) ?? String(subject)
  return {
    provider: provider.id,
    subject: String(subject),
    name,
    email: text(profile.email) ?? '',
    token: response?.access_token,
  }
}

function text(value: unknown): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
