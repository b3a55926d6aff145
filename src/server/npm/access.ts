import type { Context } from 'koa'
import { Fault } from '../../base/fault.ts'
import { fromNpmName } from '../../base/name.ts'
import type { JsonObject } from '../../registry/model.ts'
import type { Registry } from '../../registry/registry.ts'
import { readObject } from '../http/body.ts'
import { json, param } from '../http/json.ts'

const SMALL_BODY = 64 * 1024

/** GET /-/package/:name/visibility (npm) */
export async function showVisibility(ctx: Context, registry: Registry): Promise<void> {
  const head = await registry.packages.head(ctx.state.who, named(ctx))
  json(ctx, 200, { public: head.access === 'public' })
}

/** GET /-/package/:name/access (pnpm) */
export async function showAccess(ctx: Context, registry: Registry): Promise<void> {
  const head = await registry.packages.head(ctx.state.who, named(ctx))
  json(ctx, 200, { access: head.access, publish_requires_tfa: head.requireTfa })
}

/** POST /-/package/:name/access: `access`, `publish_requires_tfa`, or both. */
export async function setAccess(ctx: Context, registry: Registry): Promise<void> {
  const caller = await ctx.state.who()
  const name = named(ctx)
  await registry.packages.writable(caller, name)
  const body = await readObject(ctx.req, SMALL_BODY)
  const access = accessIn(body)
  const { publish_requires_tfa: requireTfa } = body
  if (access) await registry.visibility.set(caller, name, access)
  if (typeof requireTfa === 'boolean') await registry.packages.put(caller, name, { requireTfa })
  json(ctx, 200, { ok: true })
}

/** GET /-/package/:name/collaborators: a map for npm, a list for pnpm, which says `format=cli`. */
export async function showCollaborators(ctx: Context, registry: Registry): Promise<void> {
  const all = await registry.grants.collaborators(ctx.state.who, named(ctx))
  if (ctx.query.format !== 'cli')
    return json(ctx, 200, Object.fromEntries(all.map(({ name, permission }) => [name, permission])))
  json(
    ctx,
    200,
    all.map(({ name, email, permission }) => ({
      username: name,
      user: name,
      email,
      permissions: permission,
    })),
  )
}

/** What a document says about who may read; null and absent leave it as it is. BAD_REQUEST. */
export function accessIn({ access }: JsonObject): 'public' | 'restricted' | undefined {
  if (access === undefined || access === null) return undefined
  if (access === 'public' || access === 'restricted') return access
  if (access === 'private') return 'restricted'
  throw new Fault('BAD_REQUEST', { why: '"access" must be "public" or "restricted"' })
}

function named(ctx: Context) {
  return fromNpmName(param(ctx, 'name'))
}
