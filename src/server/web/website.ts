import type Koa from 'koa'
import type { Middleware } from 'koa'
import type { Registry } from '../../registry/registry.ts'
import type { Gate } from '../gate.ts'
import { type ProviderConfig, Providers } from './account/providers.ts'
import { accountRoutes } from './account/routes.ts'
import { webRoutes } from './routes.ts'
import { browserSessions, type SessionConfig } from './session.ts'

export type WebsiteConfig = {
  readonly session: SessionConfig
  /** Whether anybody may make an account, by password login or in the browser. */
  readonly signUp: boolean
  /** Accounts elsewhere that one can log in with. */
  readonly providers: readonly ProviderConfig[]
}

/** `base` is the path of the public address. */
type Parts = WebsiteConfig & { readonly gate: Gate; readonly base: string }

/** The web door, whole: sessions, accounts and pages. */
export function website(koa: Koa, registry: Registry, config: Parts): Middleware {
  const providers = new Providers(config.providers)
  const gate = config.gate.middleware
  const sessions = browserSessions(koa, registry, { ...config.session, base: config.base })
  // A router's middleware is typed for its own, richer context.
  const accounts = accountRoutes({
    registry,
    signUp: config.signUp,
    providers,
  }).routes() as unknown as Middleware
  const pages = webRoutes({ registry }).routes() as unknown as Middleware
  return (ctx, next) => sessions(ctx, () => gate(ctx, () => accounts(ctx, () => pages(ctx, next))))
}
