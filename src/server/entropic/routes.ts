import type Router from '@koa/router'
import type { Registry } from '../../registry/registry.ts'
import { type Route, routerOf } from './route.ts'
import { serviceRoutes } from './service.ts'

/** The Entropic API, a row an endpoint. */
export const routes: readonly Route[] = [...serviceRoutes]

export function entropicRoutes({ registry }: { registry: Registry }): Router {
  return routerOf(routes, registry)
}

export { entropicEnvelope } from './messages.ts'
