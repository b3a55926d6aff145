import type { Context } from 'koa'
import { isDigest } from '../../base/digest.ts'
import { Fault, fail } from '../../base/fault.ts'
import type { Registry } from '../../registry/registry.ts'
import { type Answer, isCurrent, reply } from '../http/answer.ts'
import { param } from '../http/json.ts'
import { parseRange } from '../http/range.ts'
import type { Route } from './route.ts'

export const objectRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/objects/object/:algo/*digest',
    summary:
      'The bytes with this hash: a file, a version’s manifest, a rendered README. The digest is base64.',
    answers: { 200: 'Bytes', 206: 'Bytes', 304: '' },
    handle: show,
  },
]

async function show(ctx: Context, registry: Registry): Promise<void> {
  const algo = param(ctx, 'algo')
  if (algo !== 'sha512')
    throw new Fault('BAD_REQUEST', { why: `"${algo}" is not an algorithm objects are kept by; use sha512` })
  await reply(ctx, await object(ctx, registry, `sha512-${param(ctx, 'digest').replace(/^sha512-/, '')}`)) // as documents spell it, too
}

async function object(ctx: Context, registry: Registry, digest: string): Promise<Answer> {
  if (!isDigest(digest)) return fail('NOT_FOUND', { what: digest })
  const { size, access } = await registry.objects.find(ctx.state.who, digest)
  const etag = `"${digest}"`
  const headers = {
    'content-type': 'application/octet-stream',
    'cache-control': `${access === 'public' ? 'public' : 'private'}, max-age=31536000, immutable`,
    'accept-ranges': 'bytes',
    // Whatever a file calls itself, no browser is to run it in our name.
    'content-security-policy': 'sandbox',
    'x-content-type-options': 'nosniff',
    etag,
  }
  if (isCurrent(ctx.req, etag)) return { status: 304, headers }
  const range = parseRange(ctx.req, { size, etag })
  if (range === 'unsatisfiable')
    return { status: 416, headers: { ...headers, 'content-range': `bytes */${size}` } }
  if (!range)
    return {
      status: 200,
      headers: { ...headers, 'content-length': size },
      body: () => registry.contents.open(digest),
    }
  const part = { 'content-range': `bytes ${range.start}-${range.end}/${size}` }
  const length = { 'content-length': range.end - range.start + 1 }
  return {
    status: 206,
    headers: { ...headers, ...part, ...length },
    body: () => registry.contents.open(digest, range),
  }
}
