import type Router from '@koa/router'
import type { Registry } from '../../registry/registry.ts'
import { objectRoutes } from './objects.ts'
import { packageRoutes } from './packages.ts'
import { type Route, routerOf } from './route.ts'
import { serviceRoutes } from './service.ts'
import { versionRoutes } from './versions.ts'

/** The Entropic API, a row an endpoint. */
export const routes: readonly Route[] = [
  ...serviceRoutes,
  ...packageRoutes,
  ...versionRoutes,
  ...objectRoutes,
]

export function entropicRoutes({ registry }: { registry: Registry }): Router {
  return routerOf(routes, registry)
}

export { entropicEnvelope } from './messages.ts'
