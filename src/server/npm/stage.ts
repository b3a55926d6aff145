import type { Context } from 'koa'
import { fromNpmName } from '../../base/name.ts'
import { iso } from '../../base/time.ts'
import type { Registry } from '../../registry/registry.ts'
import type { StagedVersion } from '../../registry/stages.ts'
import { json, param } from '../http/json.ts'
import { readPublish } from './publish.ts'

const PER_PAGE = 100

/** `npm stage publish`: the document of a publish. */
export async function stageVersion(ctx: Context, registry: Registry): Promise<void> {
  const caller = await ctx.state.who()
  const name = fromNpmName(param(ctx, 'name'))
  // Before any byte is taken, as with a publish.
  await registry.packages.mayPublish(caller, name, { missing: 'create', deed: 'stage' })
  const stageId = await registry.stages.add(caller, await readPublish(registry, ctx.req, { caller, name }))
  json(ctx, 201, { stageId, message: 'It is staged: npm stage approve publishes it.' })
}

/** `npm stage list`. */
export async function listStaged(ctx: Context, registry: Registry): Promise<void> {
  const { package: name } = ctx.query
  const wanted = typeof name === 'string' && name !== '' ? name : undefined
  const all = await registry.stages.list(await ctx.state.who(), wanted)
  const page = Math.max(0, Math.trunc(Number(ctx.query.page)) || 0)
  const perPage = Math.min(PER_PAGE, Math.max(1, Math.trunc(Number(ctx.query.perPage)) || PER_PAGE))
  const items = all.slice(page * perPage, (page + 1) * perPage).map(shown)
  json(ctx, 200, { items, page, perPage, total: all.length })
}

/** `npm stage view`. */
export async function showStaged(ctx: Context, registry: Registry): Promise<void> {
  json(ctx, 200, shown(await registry.stages.find(await ctx.state.who(), param(ctx, 'id'))))
}

/** `npm stage download`. */
export async function sendStaged(ctx: Context, registry: Registry): Promise<void> {
  const { size, bytes } = await registry.stages.tarball(await ctx.state.who(), param(ctx, 'id'))
  ctx.set('cache-control', 'private, no-store')
  ctx.type = 'application/octet-stream'
  ctx.length = size
  ctx.body = bytes
}

/** `npm stage approve`. */
export async function approveStaged(ctx: Context, registry: Registry): Promise<void> {
  await registry.stages.approve(await ctx.state.who(), param(ctx, 'id'))
  json(ctx, 200, { ok: true })
}

/** `npm stage reject`. */
export async function rejectStaged(ctx: Context, registry: Registry): Promise<void> {
  await registry.stages.reject(await ctx.state.who(), param(ctx, 'id'))
  ctx.status = 204
}

function shown({ npmName, tags, createdAt, account, byBuild, sha1, ...rest }: StagedVersion) {
  return {
    id: rest.id,
    packageName: npmName,
    version: rest.version,
    tag: tags[0] ?? 'latest',
    createdAt: iso(createdAt),
    actor: account,
    actorType: byBuild ? 'oidc' : 'user',
    access: rest.access,
    shasum: sha1,
    status: 'staged',
  }
}
