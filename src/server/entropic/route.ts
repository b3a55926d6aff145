import Router from '@koa/router'
import type { Context } from 'koa'
import { Fault } from '../../base/fault.ts'
import type { Registry } from '../../registry/registry.ts'
import { methodsAt } from '../http/methods.ts'
import { compress } from './document.ts'
import { type Wording, wordings } from './messages.ts'

export type Method = 'GET' | 'PUT' | 'POST' | 'PATCH' | 'DELETE'

/** One row of the API: what the router, the OpenAPI document and the tests read. */
export type Route = {
  readonly method: Method
  /** Below the optional `/v1`, as path-to-regexp writes it. Parameters reach the handler decoded, once. */
  readonly path: string
  readonly summary: string
  /** What is answered when all goes well: status → the schema's name (see schemas.ts), '' for an empty body. */
  readonly answers: Readonly<Record<number, string>>
  /** Query parameters that are understood, with what they mean. */
  readonly query?: Readonly<Record<string, string>>
  /** The schema's name of a JSON body, or the media type of another. */
  readonly body?: string
  /** How this route words some faults. */
  readonly wording?: Wording
  handle(ctx: Context, registry: Registry): Promise<void>
}

/** Every row under its path and under `/v1`; other methods there are 405, and OPTIONS tells which there are. */
export function routerOf(rows: readonly Route[], registry: Registry): Router {
  const router = new Router({ strict: true, sensitive: true })
  for (const row of rows)
    router.register(`{/v1}${row.path}`, [row.method], async (ctx: Context) => {
      ctx.state.wording = row.wording
      if (row.method === 'GET') allowReading(ctx)
      refuseUnknown(ctx, row)
      // No name holds a NUL, and Postgres refuses to be asked for one.
      if (/%00/.test(ctx.url)) throw new Fault('NOT_FOUND', { what: ctx.path })
      await row.handle(ctx, registry)
      await compress(ctx)
    })
  router.all('/*rest', (ctx) => refuse(ctx, methodsAt(router, ctx.path)))
  return router
}

/** Where parameters count, one passed over in silence looks as if it had been understood. Elsewhere the original ignores all. */
function refuseUnknown({ query }: Context, { query: known }: Route): void {
  const unknown = known && Object.keys(query).find((name) => !Object.hasOwn(known, name))
  if (unknown === undefined) return
  const allowed = Object.keys(known ?? {}).join(', ')
  throw new Fault('BAD_REQUEST', { why: `"${unknown}" is no query parameter of this; allowed: ${allowed}` })
}

/** Pages of other sites may read what everybody may read; a page cannot send a person's token without having it. */
function allowReading(ctx: Context): void {
  ctx.set('access-control-allow-origin', '*')
  ctx.set('access-control-expose-headers', 'etag, content-range, x-request-id')
}

function refuse(ctx: Context, methods: readonly string[]): void {
  if (methods.length === 0) {
    ctx.state.wording = wordings.nowhere
    throw new Fault('NOT_FOUND', { what: `${ctx.method} ${ctx.path}` })
  }
  const allowed = [...methods, 'OPTIONS']
  if (ctx.method !== 'OPTIONS') throw new Fault('METHOD_NOT_ALLOWED', { method: ctx.method, allowed })
  allowReading(ctx)
  ctx.set('access-control-allow-methods', 'GET, HEAD')
  ctx.set('access-control-allow-headers', 'authorization, if-none-match, range')
  ctx.set('allow', allowed.join(', '))
  ctx.status = 204
}
