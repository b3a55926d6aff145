import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline, type Readable } from 'node:stream'
import type { Context } from 'koa'

/**
 * A whole reply as a value, so that the same code serves the quick way past the middleware and the ordinary one. A stream is opened only when
 * it will be sent.
 */
export type Answer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string | number>>
  readonly body?: Buffer | (() => Promise<Readable>)
}

/** Sends on the bare response, with the request's id. The request is known to be GET or HEAD. */
export async function send(
  request: IncomingMessage,
  response: ServerResponse,
  { answer, id }: { answer: Answer; id: string },
): Promise<void> {
  const { status, body } = answer
  // All headers at once: Node then writes them as they are, without keeping each for later.
  const headers = { ...answer.headers, 'x-request-id': id }
  if (body === undefined || request.method === 'HEAD' || Buffer.isBuffer(body)) {
    response.writeHead(status, headers)
    response.end(request.method === 'HEAD' ? undefined : body)
    return
  }
  const stream = await body()
  response.writeHead(status, headers)
  // A source that fails after the head was sent can only be told by cutting the connection, which pipeline does.
  pipeline(stream, response, () => undefined)
}

/** Sends through Koa. */
export async function reply(ctx: Context, answer: Answer): Promise<void> {
  ctx.status = answer.status
  for (const [name, value] of Object.entries(answer.headers)) ctx.set(name, String(value))
  if (answer.body === undefined || Buffer.isBuffer(answer.body)) {
    ctx.body = answer.body ?? null
    ctx.status = answer.status // Koa turns an empty body into 204
    return
  }
  if (ctx.method === 'HEAD') return
  ctx.body = await answer.body()
}

/**
 * Whether a request that knows no ETag says that its copy is as new as this moment. Whole seconds cannot tell two changes in one second
 * apart: until `now` is two seconds later, the answer is no.
 */
export function isUnmodified(
  request: IncomingMessage,
  { modified, now }: { modified: number; now: number },
): boolean {
  const since = request.headers['if-modified-since']
  if (since === undefined || request.headers['if-none-match'] !== undefined) return false
  return Math.floor(modified / 1000) * 1000 <= Date.parse(since) && now - modified >= 2000
}

/** Whether the validators of a request say that its copy is current (RFC 9110 §13: If-None-Match wins). */
export function isCurrent(request: IncomingMessage, etag: string): boolean {
  const sent = request.headers['if-none-match']
  if (sent === undefined) return false
  if (sent === etag || sent.trim() === '*') return true
  return sent.includes(',') || sent.startsWith('W/')
    ? sent.split(',').some((one) => one.trim().replace(/^W\//, '') === etag)
    : false
}
