import type { Context } from 'koa'
import { Fault } from '../../base/fault.ts'
import type { Registry } from '../../registry/registry.ts'
import { objectOf, readJson } from '../http/body.ts'
import { json } from '../http/json.ts'
import { document } from './document.ts'
import { packageDocument, packageDocumentWhole } from './documents.ts'
import { wordings } from './messages.ts'
import { PAGE_QUERY, paged } from './page.ts'
import type { Route } from './route.ts'
import { PACKAGE, packageOf } from './targets.ts'

const SMALL_BODY = 64 * 1024

export const packageRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/packages',
    summary: 'Every package here, abandoned and mirrored ones too.',
    answers: { 200: 'Packages', 304: '' },
    query: PAGE_QUERY,
    handle: list,
  },
  {
    method: 'GET',
    path: PACKAGE,
    summary: 'A package with its versions and tags. In `legacy`, packages come from upstream when asked for.',
    answers: { 200: 'Package', 304: '' },
    handle: show,
  },
  {
    method: 'PUT',
    path: PACKAGE,
    summary: 'Makes a package without versions, or changes its settings.',
    answers: { 200: 'Package', 201: 'Package' },
    body: 'PackageSettings',
    wording: wordings.package,
    handle: put,
  },
  {
    method: 'DELETE',
    path: PACKAGE,
    summary: 'Abandons a package: it stays readable, every version is yanked, and nobody maintains it.',
    answers: { 204: '' },
    wording: wordings.package,
    handle: abandon,
  },
]

async function list(ctx: Context, registry: Registry): Promise<void> {
  const heads = await registry.packages.list(ctx.state.who)
  document(ctx, await paged(ctx, heads, (head) => packageDocument(registry, head)))
}

async function show(ctx: Context, registry: Registry): Promise<void> {
  const head = await registry.packages.headExactly(ctx.state.who, packageOf(ctx, registry))
  document(ctx, await packageDocumentWhole(registry, head))
}

async function put(ctx: Context, registry: Registry): Promise<void> {
  const caller = await ctx.state.who()
  registry.access.writer(caller)
  const settings = settingsOf(await readJson(ctx.req, SMALL_BODY))
  const { head, created } = await registry.packages.put(caller, packageOf(ctx, registry), settings)
  json(ctx, created ? 201 : 200, await packageDocument(registry, head))
}

/** `{"require_tfa": boolean}`; null, absent or no body at all leaves the setting as it is. */
function settingsOf(body: Parameters<typeof objectOf>[0]): { requireTfa?: boolean } {
  const settings = body === undefined ? {} : objectOf(body)
  const wanted = settings?.require_tfa ?? undefined
  if (settings && wanted === undefined) return {}
  if (typeof wanted === 'boolean') return { requireTfa: wanted }
  throw new Fault('BAD_REQUEST', { why: 'the body must be a JSON object like {"require_tfa": false}' })
}

async function abandon(ctx: Context, registry: Registry): Promise<void> {
  await registry.packages.abandon(await ctx.state.who(), packageOf(ctx, registry))
  ctx.status = 204
}
