import type { Context } from 'koa'
import { isDigest } from '../../base/digest.ts'
import { Fault, fail } from '../../base/fault.ts'
import type { Registry } from '../../registry/registry.ts'
import { type Answer, reply } from '../http/answer.ts'
import { bytesAnswer } from '../http/bytes.ts'
import { param } from '../http/json.ts'
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
  return bytesAnswer(ctx.req, {
    digest,
    size,
    access,
    headers: {
      // Whatever a file calls itself, no browser is to run it in our name.
      'content-security-policy': 'sandbox',
      'x-content-type-options': 'nosniff',
    },
    open: (range) => registry.contents.open(digest, range),
    whole: () => () => registry.contents.open(digest),
  })
}
