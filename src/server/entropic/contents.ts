import type { Context } from 'koa'
import { fail } from '../../base/fault.ts'
import { iso } from '../../base/time.ts'
import type { VersionHead } from '../../registry/model.ts'
import type { Registry } from '../../registry/registry.ts'
import { type Answer, isCurrent, reply } from '../http/answer.ts'
import { param } from '../http/json.ts'
import { document } from './document.ts'
import { wordings } from './messages.ts'
import { PAGE_QUERY, paged } from './page.ts'
import type { Route } from './route.ts'
import { PACKAGE, packageOf, specIn } from './targets.ts'

export const contentRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: `${PACKAGE}/versions`,
    summary: 'The versions known here, yanked ones too, each with its integrity.',
    answers: { 200: 'Versions', 304: '' },
    query: PAGE_QUERY,
    handle: versions,
  },
  {
    method: 'GET',
    path: `${PACKAGE}/versions/:version/files`,
    summary: 'The files of a version.',
    answers: { 200: 'Files', 304: '' },
    query: PAGE_QUERY,
    wording: wordings.version,
    handle: files,
  },
  {
    method: 'GET',
    path: `${PACKAGE}/versions/:version/readme`,
    summary: 'The README of a version as sanitised HTML.',
    answers: { 200: 'Html', 304: '' },
    wording: wordings.version,
    handle: readme,
  },
]

async function versions(ctx: Context, registry: Registry): Promise<void> {
  const head = await registry.packages.headExactly(ctx.state.who, packageOf(ctx, registry))
  document(ctx, await paged(ctx, await registry.contents.likelyVersions(head), show))
}

function show({ version, integrity, publishedAt, yankedAt }: VersionHead): object {
  return {
    version,
    integrity: integrity ?? null,
    created: iso(publishedAt),
    yanked: yankedAt !== undefined,
  }
}

async function files(ctx: Context, registry: Registry): Promise<void> {
  const head = await registry.packages.headExactly(ctx.state.who, packageOf(ctx, registry))
  const tree = await registry.contents.files(head, param(ctx, 'version'))
  const page = await paged(ctx, tree, ({ path, digest, size, executable }) => ({
    path: `./package/${path}`,
    integrity: digest,
    size,
    executable,
  }))
  document(ctx, page)
}

async function readme(ctx: Context, registry: Registry): Promise<void> {
  const head = await registry.packages.headExactly(ctx.state.who, packageOf(ctx, registry))
  const { readmeHtml } = await registry.contents.version(head, param(ctx, 'version'))
  const what = `the README of ${specIn(ctx, registry)} at ${param(ctx, 'version')}`
  const digest = readmeHtml ?? fail('NOT_FOUND', { what })
  const etag = `"${digest}"`
  const headers = {
    'content-type': 'text/html; charset=utf-8',
    'content-security-policy': 'sandbox',
    'cache-control': 'private, no-cache',
    etag,
  }
  const answer: Answer = isCurrent(ctx.req, etag)
    ? { status: 304, headers }
    : {
        status: 200,
        headers: { ...headers, 'content-length': await registry.contents.size(digest) },
        body: () => registry.contents.open(digest),
      }
  await reply(ctx, answer)
}
