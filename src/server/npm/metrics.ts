import type { Context } from 'koa'
import type { Registry } from '../../registry/registry.ts'

/** GET /-/metrics: for Prometheus, with an administrator's token. UNAUTHENTICATED, FORBIDDEN. */
export async function showMetrics(ctx: Context, { access, metrics }: Registry): Promise<void> {
  access.admin(await ctx.state.who())
  ctx.set('content-type', 'text/plain; version=0.0.4; charset=utf-8')
  ctx.set('cache-control', 'no-store')
  ctx.body = metrics.text()
}
