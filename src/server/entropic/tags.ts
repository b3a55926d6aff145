import type { Context } from 'koa'
import { Fault, fail } from '../../base/fault.ts'
import type { Registry } from '../../registry/registry.ts'
import { objectOf, readJson } from '../http/body.ts'
import { param } from '../http/json.ts'
import { document, message } from './document.ts'
import { wordings } from './messages.ts'
import type { Route } from './route.ts'
import { PACKAGE, packageOf, specIn } from './targets.ts'

const SMALL_BODY = 64 * 1024

export const tagRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: `${PACKAGE}/dist-tags`,
    summary: 'The tags of a package and the versions they are on.',
    answers: { 200: 'Tags', 304: '' },
    handle: async (ctx, registry) => document(ctx, await tagsOf(ctx, registry)),
  },
  {
    method: 'GET',
    path: `${PACKAGE}/dist-tags/:tag`,
    summary: 'The version a tag is on.',
    answers: { 200: 'Tag', 304: '' },
    handle: show,
  },
  {
    method: 'PUT',
    path: `${PACKAGE}/dist-tags/:tag`,
    summary: 'Puts a tag on a version. `latest` moves by itself only.',
    answers: { 200: 'Message' },
    body: 'Tag',
    wording: wordings.package,
    handle: set,
  },
  {
    method: 'DELETE',
    path: `${PACKAGE}/dist-tags/:tag`,
    summary: 'Removes a tag.',
    answers: { 200: 'Message' },
    wording: wordings.package,
    handle: async (ctx, registry) => {
      const tag = param(ctx, 'tag')
      await registry.versions.removeTag(await ctx.state.who(), packageOf(ctx, registry), tag)
      message(ctx, `${tag} was removed from ${specIn(ctx, registry)}.`)
    },
  },
]

async function tagsOf(ctx: Context, registry: Registry): Promise<Readonly<Record<string, string>>> {
  const head = await registry.packages.headExactly(ctx.state.who, packageOf(ctx, registry))
  return registry.documents.tags(head)
}

async function show(ctx: Context, registry: Registry): Promise<void> {
  const tag = param(ctx, 'tag')
  const tags = await tagsOf(ctx, registry)
  const version = Object.hasOwn(tags, tag) ? tags[tag] : undefined
  document(ctx, { version: version ?? fail('NOT_FOUND', { what: `tag ${tag}` }) })
}

async function set(ctx: Context, registry: Registry): Promise<void> {
  const caller = await ctx.state.who()
  registry.access.writer(caller)
  const tag = param(ctx, 'tag')
  if (tag === 'latest')
    throw new Fault('INVALID_TAG', { tag, why: 'it is on the newest version and moves by itself' })
  const body = await readJson(ctx.req, SMALL_BODY)
  const version = objectOf(body)?.version ?? body
  if (typeof version !== 'string')
    throw new Fault('BAD_REQUEST', { why: 'the body must be a JSON object like {"version": "1.0.0"}' })
  await registry.versions.setTag(caller, packageOf(ctx, registry), { tag, version })
  message(ctx, `${tag} of ${specIn(ctx, registry)} is ${version}.`)
}
