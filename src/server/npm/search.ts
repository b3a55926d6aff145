import type { Context } from 'koa'
import { Fault } from '../../base/fault.ts'
import type { Registry } from '../../registry/registry.ts'
import type { Hit } from '../../registry/search.ts'
import { json } from '../http/json.ts'

const MOST = 250
const USUAL = 20

/**
 * GET /-/v1/search?text=&size=&from= (npm's search; quality, popularity and maintenance are taken and not used). What is here comes first,
 * then what only the upstream has.
 */
export async function search(ctx: Context, registry: Registry): Promise<void> {
  const { text } = ctx.query
  if (typeof text !== 'string')
    throw new Fault('BAD_REQUEST', { why: 'the query parameter "text" is required' })
  const page = { from: numberOf(ctx.query.from, 0), limit: Math.min(MOST, numberOf(ctx.query.size, USUAL)) }
  const { total, hits } = await registry.search.find(ctx.state.who, text, page)
  const downloads = await registry.downloads.recent(hits.map(({ head }) => head.id))
  const elsewhere = await registry.upstreamSearch.find(text)
  const left = Math.max(0, page.from - total)
  json(ctx, 200, {
    objects: [
      ...hits.map((hit) => ({ ...shown(hit), downloads: downloads(hit.head.id) })),
      ...elsewhere.slice(left, left + page.limit - hits.length),
    ],
    total: total + elsewhere.length,
    time: new Date().toUTCString(),
  })
}

function shown(hit: Hit): object {
  const score = { final: 1, detail: { quality: 1, popularity: 1, maintenance: 1 } }
  const { scope, name } = scopeOf(hit.head.npmName)
  return {
    package: {
      name: hit.head.npmName,
      scope,
      version: hit.latest ?? '',
      description: hit.description ?? '',
      keywords: hit.keywords,
      date: hit.date ?? new Date(hit.head.modifiedAt).toISOString(),
      sanitized_name: name,
      links: {},
      publisher: { username: hit.head.name.namespace, email: '' },
      maintainers: [{ username: hit.head.name.namespace, email: '' }],
    },
    score,
    searchScore: 1,
  }
}

function scopeOf(npmName: string): { scope: string; name: string } {
  const slash = npmName.indexOf('/')
  return slash < 0
    ? { scope: 'unscoped', name: npmName }
    : { scope: npmName.slice(1, slash), name: npmName.slice(slash + 1) }
}

function numberOf(text: unknown, otherwise: number): number {
  const value = Number(text ?? otherwise)
  return Number.isSafeInteger(value) && value >= 0 ? value : otherwise
}
