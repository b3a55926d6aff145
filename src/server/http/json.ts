import type { Context } from 'koa'

/** A JSON reply that no cache may keep without asking again. */
export function json(ctx: Context, status: number, body: object): void {
  ctx.status = status
  ctx.set('content-type', 'application/json')
  ctx.set('cache-control', 'private, no-cache')
  ctx.body = JSON.stringify(body)
}

/** A path parameter that the route's pattern guarantees; the router decoded it, once. */
export function param(ctx: Context, name: string): string {
  return String(ctx.params[name])
}
