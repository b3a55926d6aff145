import { createHash } from 'node:crypto'
import type { Context } from 'koa'
import { isCurrent } from '../http/answer.ts'
import { json } from '../http/json.ts'

/** A JSON document that clients may keep, asking each time whether it is still good. */
export function document(ctx: Context, body: object): void {
  json(ctx, 200, body)
  const etag = `"${createHash('sha256').update(String(ctx.body)).digest('base64url')}"`
  ctx.set('etag', etag)
  if (!isCurrent(ctx.req, etag)) return
  ctx.body = null
  ctx.status = 304
}

/** What the original answers to a change: a sentence for the person at the client. */
export function message(ctx: Context, text: string): void {
  json(ctx, 200, { message: text })
}
