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
  const ids = hits.map(({ head }) => head.id)
  const [downloads, maintainers] = await Promise.all([
    registry.downloads.recent(ids),
    registry.maintainers.accountsOf(ids),
  ])
  const elsewhere = await registry.upstreamSearch.find(text)
  const left = Math.max(0, page.from - total)
  json(ctx, 200, {
    objects: [
      ...hits.map((hit) => ({
        ...shown(hit, maintainers(hit.head.id)),
        downloads: downloads(hit.head.id),
      })),
      ...elsewhere.slice(left, left + page.limit - hits.length),
    ],
    total: total + elsewhere.length,
    time: new Date().toISOString(),
  })
}

/** Clients want `maintainers` to be there; of a mirrored package they are told in its document alone. */
function shown(hit: Hit, maintainers: readonly string[]): object {
  const score = { final: 1, detail: { quality: 1, popularity: 1, maintenance: 1 } }
  const { scope, name } = scopeOf(hit.head.npmName)
  const [publisher] = maintainers
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
      ...(publisher !== undefined && { publisher: person(publisher) }),
      maintainers: maintainers.map(person),
    },
    score,
    searchScore: 1,
  }
}

/** Everybody may read this: addresses are for those who are logged in. */
const person = (username: string) => ({ username, email: '' })

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
