import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Context } from 'koa'
import { isCurrent } from '../http/answer.ts'
import { json } from '../http/json.ts'

/** Characters; a shorter text fits one packet anyway. */
const WORTHWHILE = 1400

/** A JSON document that clients may keep, asking each time whether it is still good. */
export function document(ctx: Context, body: object): void {
  json(ctx, 200, body)
  const etag = `"${createHash('sha256').update(String(ctx.body)).digest('base64url')}"`
  ctx.set('etag', `W/${etag}`) // weak: it may go out compressed or not
  if (!isCurrent(ctx.req, etag)) return
  ctx.body = null
  ctx.status = 304
}

/** Compresses a text that is worth it, for clients that say they understand. */
export async function compress(ctx: Context): Promise<void> {
  const { body } = ctx
  if (typeof body !== 'string' || body.length < WORTHWHILE) return
  ctx.vary('accept-encoding')
  if (ctx.acceptsEncodings('gzip', 'identity') !== 'gzip') return
  ctx.body = await promisify(gzip)(body)
  ctx.set('content-encoding', 'gzip')
}

/** What the original answers to a change: a sentence for the person at the client. */
export function message(ctx: Context, text: string): void {
  json(ctx, 200, { message: text })
}
