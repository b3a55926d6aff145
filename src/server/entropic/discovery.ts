import type { Context } from 'koa'
import semver from 'semver'
import { Fault } from '../../base/fault.ts'
import { canonicalOf } from '../../base/name.ts'
import { iso, seconds } from '../../base/time.ts'
import type { Change } from '../../registry/discovery.ts'
import { DEPENDENCY_FIELDS, type PackageHead } from '../../registry/model.ts'
import type { Registry } from '../../registry/registry.ts'
import { json, param } from '../http/json.ts'
import { numberIn } from '../http/query.ts'
import { document } from './document.ts'
import { packageDocument } from './documents.ts'
import { newChanges } from './feed.ts'
import { wordings } from './messages.ts'
import { PAGE_QUERY, paged } from './page.ts'
import type { Route } from './route.ts'
import { nameIn, PACKAGE, packageOf } from './targets.ts'

const MOST_CHANGES = 1000
const MOST_FOUND = 10_000
/** Seconds. A proxy in front has to wait longer. */
export const LONGEST_WAIT = 60

export const discoveryRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/packages/search',
    summary:
      'Packages here that are found by every word of `q`, in name, keywords or description, best first.',
    answers: { 200: 'Packages', 304: '' },
    query: { q: 'Words, separated by spaces.', ...PAGE_QUERY },
    handle: search,
  },
  {
    method: 'GET',
    path: '/packages/authored-by/:namespace',
    summary: 'The packages of a namespace.',
    answers: { 200: 'Packages', 304: '' },
    query: PAGE_QUERY,
    wording: wordings.namespace,
    handle: async (ctx, registry) => {
      const namespace = nameIn(ctx, registry, 'namespace')
      const heads = await registry.packages.list(ctx.state.who)
      await list(
        ctx,
        registry,
        heads.filter((head) => head.name.namespace === namespace),
      )
    },
  },
  {
    method: 'GET',
    path: '/packages/maintained-by/:namespace',
    summary: 'The packages a namespace maintains.',
    answers: { 200: 'Packages', 304: '' },
    query: PAGE_QUERY,
    wording: wordings.namespace,
    handle: async (ctx, registry) => {
      const namespace = nameIn(ctx, registry, 'namespace')
      await list(ctx, registry, await registry.maintainers.packagesOf(ctx.state.who, namespace))
    },
  },
  ...[`${PACKAGE}/dependents`, `${PACKAGE}/dependents/range/:range`].map(
    (path): Route => ({
      method: 'GET',
      path,
      summary: 'Packages published here whose latest version depends on this one, at all or in a range.',
      answers: { 200: 'Packages', 304: '' },
      query: PAGE_QUERY,
      handle: dependents,
    }),
  ),
  {
    method: 'GET',
    path: `${PACKAGE}/dependencies`,
    summary: 'What the latest version depends on.',
    answers: { 200: 'Dependencies', 304: '' },
    query: PAGE_QUERY,
    handle: dependencies,
  },
  {
    method: 'GET',
    path: '/changes',
    summary: 'What happened here, oldest first. A follower asks on with `since` = `last`.',
    answers: { 200: 'Changes' },
    query: {
      since: 'Only changes after this `seq`; 0 for all.',
      limit: `How many at most, up to ${MOST_CHANGES}.`,
      wait: `How many seconds to wait for a change when there is none, up to ${LONGEST_WAIT}.`,
    },
    handle: changes,
  },
]

function list(ctx: Context, registry: Registry, heads: readonly PackageHead[]): Promise<void> {
  return paged(ctx, heads, (head) => packageDocument(registry, head)).then((body) => document(ctx, body))
}

async function search(ctx: Context, registry: Registry): Promise<void> {
  const page = { from: 0, limit: MOST_FOUND }
  const { hits } = await registry.search.find(ctx.state.who, String(ctx.query.q ?? ''), page)
  await list(
    ctx,
    registry,
    hits.map(({ head }) => head),
  )
}

async function dependents(ctx: Context, registry: Registry): Promise<void> {
  const range = ctx.params.range === undefined ? undefined : param(ctx, 'range')
  if (range !== undefined && semver.validRange(range) === null)
    throw new Fault('BAD_REQUEST', { why: `"${range}" is not a semver range` })
  const head = await registry.packages.headExactly(ctx.state.who, packageOf(ctx, registry))
  await list(ctx, registry, await registry.discovery.dependents(ctx.state.who, head, range))
}

async function dependencies(ctx: Context, registry: Registry): Promise<void> {
  const head = await registry.packages.headExactly(ctx.state.who, packageOf(ctx, registry))
  const { latest } = await registry.documents.tags(head)
  if (latest === undefined) return document(ctx, await paged(ctx, [], () => undefined))
  const manifest = await registry.contents.manifest(await registry.contents.version(head, latest))
  const all = DEPENDENCY_FIELDS.flatMap((field) =>
    Object.entries(manifest[field]).map(([name, range]) => ({ name, range, field })),
  )
  document(ctx, await paged(ctx, all, (one) => one))
}

async function changes(ctx: Context, registry: Registry): Promise<void> {
  const since = numberIn(ctx.query.since, 'since', { otherwise: 0, most: Number.MAX_SAFE_INTEGER })
  const limit = numberIn(ctx.query.limit, 'limit', { otherwise: 100, most: MOST_CHANGES })
  const wait = numberIn(ctx.query.wait, 'wait', { otherwise: 0, most: LONGEST_WAIT })
  const gone = new AbortController()
  ctx.res.once('close', () => gone.abort())
  const ask = () => registry.discovery.changes(ctx.state.who, since, Math.max(1, limit))
  const page = await newChanges(ask, { wait: seconds(wait), gone: gone.signal })
  json(ctx, 200, { objects: page.changes.map((change) => show(change, registry)), last: page.last })
}

function show({ seq, at, kind, head, detail }: Change, registry: Registry): object {
  return { seq, at: iso(at), kind, name: canonicalOf(head.name, registry.host()), detail }
}
