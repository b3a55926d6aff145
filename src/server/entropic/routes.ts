import type Router from '@koa/router'
import type { Registry } from '../../registry/registry.ts'
import { contentRoutes } from './contents.ts'
import { discoveryRoutes } from './discovery.ts'
import { maintainerRoutes } from './maintainers.ts'
import { namespaceRoutes } from './namespaces.ts'
import { objectRoutes } from './objects.ts'
import { openApiRoute } from './openapi.ts'
import { packageRoutes } from './packages.ts'
import { type Route, routerOf } from './route.ts'
import { serviceRoutes } from './service.ts'
import { tagRoutes } from './tags.ts'
import { versionRoutes } from './versions.ts'

/** The Entropic API, a row an endpoint. Of two rows that fit a path the first answers. */
export const routes: readonly Route[] = [
  ...serviceRoutes,
  ...discoveryRoutes,
  ...packageRoutes,
  ...versionRoutes,
  ...contentRoutes,
  ...tagRoutes,
  ...objectRoutes,
  ...maintainerRoutes,
  ...namespaceRoutes,
  openApiRoute(() => routes),
]

export function entropicRoutes({ registry }: { registry: Registry }): Router {
  return routerOf(routes, registry)
}

export { entropicEnvelope } from './messages.ts'
