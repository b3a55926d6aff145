import Router from '@koa/router'
import type { Context } from 'koa'
import { Fault } from '../../base/fault.ts'
import { dateOf } from '../../base/time.ts'
import type { Downloads } from '../../registry/downloads.ts'
import type { Registry } from '../../registry/registry.ts'
import { json, param } from '../http/json.ts'

/** How one package's downloads, or those of all, are told. */
type Shape = (downloads: Downloads, npmName?: string) => object

/** npm's downloads API. Its paths have a segment more than any of a package called `downloads` or `versions`. */
export function downloadRoutes(registry: Registry): Router {
  const router = new Router()
  for (const [kind, shape] of Object.entries({ point, range })) {
    router.get(`/downloads/${kind}/:period`, (ctx) => showAll(ctx, registry, shape))
    router.get(`/downloads/${kind}/:period/*names`, (ctx) => show(ctx, registry, shape))
  }
  router.get('/versions/:name/:period', (ctx) => showVersions(ctx, registry))
  return router
}

const point: Shape = ({ period: { start, end }, days }, npmName) => ({
  downloads: days.reduce((sum, count) => sum + count, 0),
  start,
  end,
  ...(npmName !== undefined && { package: npmName }),
})

const range: Shape = ({ period: { from, start, end }, days }, npmName) => ({
  start,
  end,
  ...(npmName !== undefined && { package: npmName }),
  downloads: days.map((downloads, at) => ({ downloads, day: dateOf(from + at) })),
})

/** GET /downloads/point/last-week */
async function showAll(ctx: Context, { downloads }: Registry, shape: Shape): Promise<void> {
  json(ctx, 200, shape(await downloads.ofAll(downloads.period(param(ctx, 'period')))))
}

/** GET /downloads/point/last-week/box and …/box,lid: several by name, null for what is not here. */
async function show(ctx: Context, { downloads }: Registry, shape: Shape): Promise<void> {
  const { who } = ctx.state
  const period = downloads.period(param(ctx, 'period'))
  const names = param(ctx, 'names').split(',').filter(Boolean)
  const [name = ''] = names
  if (names.length <= 1) return json(ctx, 200, shape(await downloads.ofPackage(who, name, period), name))
  const found = await downloads.ofPackages(who, names, period)
  const told = [...found].map(([npmName, it]) => [npmName, it ? shape(it, npmName) : null] as const)
  json(ctx, 200, Object.fromEntries(told))
}

/** GET /versions/box/last-week */
async function showVersions(ctx: Context, { downloads }: Registry): Promise<void> {
  const period = param(ctx, 'period')
  if (period !== 'last-week')
    throw new Fault('BAD_REQUEST', {
      why: `"${period}" is no period that versions are counted for; use last-week`,
    })
  const npmName = param(ctx, 'name')
  const counts = await downloads.ofVersions(ctx.state.who, npmName, downloads.period(period))
  json(ctx, 200, { package: npmName, downloads: counts })
}
