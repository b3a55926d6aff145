import type { Context } from 'koa'
import { Fault } from '../../base/fault.ts'
import type { Registry } from '../../registry/registry.ts'
import type { Hit } from '../../registry/search.ts'
import type { UpstreamHit } from '../../registry/upstream-search.ts'
import { json } from '../http/json.ts'
import { numberIn } from '../http/query.ts'

const MOST = 250
const USUAL = 20

/**
 * GET /-/v1/search?text=&size=&from= (npm's search; quality, popularity and maintenance are taken and not used). What is here comes first,
 * then what only the upstream finds.
 */
export async function search(ctx: Context, registry: Registry): Promise<void> {
  const { text } = ctx.query
  if (typeof text !== 'string')
    throw new Fault('BAD_REQUEST', { why: 'the query parameter "text" is required' })
  const from = numberIn(ctx.query.from, 'from', { otherwise: 0, most: Number.MAX_SAFE_INTEGER })
  const page = { from, limit: numberIn(ctx.query.size, 'size', { otherwise: USUAL, most: MOST }) }
  const { total, hits } = await registry.search.find(ctx.state.who, text, page)
  const ids = hits.map(({ head }) => head.id)
  const [downloads, maintainers] = await Promise.all([
    registry.downloads.recent(ids),
    registry.maintainers.accountsOf(ids),
  ])
  const upstream = await registry.upstreamSearch.find(text)
  const known = new Map(upstream.map((hit) => [hit.package.name, hit]))
  const here = await registry.search.found(ctx.state.who, text, [...known.keys()])
  const elsewhere = [...known.values()].filter((hit) => !here.has(hit.package.name))
  const left = Math.max(0, page.from - total)
  json(ctx, 200, {
    objects: [
      ...hits.map((hit) => ({
        ...shown(hit, peopleOf(maintainers(hit.head.id), known.get(hit.head.npmName))),
        downloads: downloads(hit.head.id),
      })),
      ...elsewhere.slice(left, left + page.limit - hits.length),
    ],
    total: total + elsewhere.length,
    time: new Date().toISOString(),
  })
}

/** Clients want `maintainers` to be there. Whose a mirrored package is the upstream knows, when it finds it too. */
function peopleOf(maintainers: readonly string[], upstream: UpstreamHit | undefined): object {
  const [publisher] = maintainers
  if (publisher !== undefined) return { publisher: person(publisher), maintainers: maintainers.map(person) }
  const by = upstream?.package.publisher
  return { ...(by !== undefined && { publisher: by }), maintainers: upstream?.package.maintainers ?? [] }
}

function shown(hit: Hit, people: object): object {
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
      ...people,
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
