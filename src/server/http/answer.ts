import type { IncomingMessage, ServerResponse } from 'node:http'
import { pipeline, type Readable, type Writable } from 'node:stream'
import type { Context } from 'koa'
import type { Millis } from '../../base/time.ts'

/**
 * A whole reply as a value, so that the same code serves the quick way past the middleware and the ordinary one. A stream is opened only when
 * it will be sent.
 */
export type Answer = {
  readonly status: number
  readonly headers: Readonly<Record<string, string | number>>
  readonly body?: Buffer | (() => Promise<Readable | CopyingReadable>)
}

/** Bytes at rest, which have a way of their own of going on to somebody. */
type CopyingReadable = Readable & { copyTo(sink: Writable): Promise<void> }

/** With its head, as much as Node writes without asking for memory. */
const BRIEF = 15 * 1024

/** Sends on the bare response, with the request's id. The request is known to be GET or HEAD. */
export async function send(
  request: IncomingMessage,
  response: ServerResponse,
  { answer, id }: { answer: Answer; id: string },
): Promise<void> {
  const { body } = answer
  if (typeof body !== 'function' || request.method === 'HEAD')
    return sendNow(request, response, { answer, id })
  const stream = await body()
  response.writeHead(answer.status, headerList(answer.headers, id))
  // A source that fails after the head was sent can only be told by cutting the connection, which pipeline does.
  if (!('copyTo' in stream)) return void pipeline(stream, response, () => undefined)
  stream.copyTo(response).then(
    () => response.end(),
    () => response.destroy(),
  )
}

/** As send, for an answer whose body nobody has to wait for. */
export function sendNow(
  request: IncomingMessage,
  response: ServerResponse,
  { answer, id }: { answer: Answer; id: string },
): void {
  const { status, headers, body } = answer
  response.writeHead(status, headerList(headers, id))
  if (request.method === 'HEAD' || typeof body === 'function') response.end()
  // As text, a character a byte, Node puts it behind the head and writes both at once; bytes go as a second piece, which costs as much again as
  // the rest of a small reply.
  else if (body !== undefined && body.length <= BRIEF) response.end(body.toString('latin1'), 'latin1')
  else response.end(body)
}

/** All headers at once, names and values in turns: Node writes those as they are, without looking for each in an object. */
function headerList(headers: Answer['headers'], id: string): (string | number)[] {
  const list: (string | number)[] = ['x-request-id', id]
  for (const name in headers) list.push(name, headers[name] as string | number) // it is one of its names
  return list
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
 * Whether a request that knows no ETag names the very second of this state, which must be of no other. That its date is later tells nothing:
 * servers' clocks differ.
 */
export function isUnmodified(request: IncomingMessage, modified: Millis): boolean {
  const since = request.headers['if-modified-since']
  if (since === undefined || request.headers['if-none-match'] !== undefined) return false
  return Math.floor(modified / 1000) * 1000 === Date.parse(since)
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
