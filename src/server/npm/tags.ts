import type { Context } from 'koa'
import { Fault } from '../../base/fault.ts'
import { fromNpmName, type PackageName } from '../../base/name.ts'
import type { Json } from '../../registry/model.ts'
import type { Registry } from '../../registry/registry.ts'
import { objectOf, readJson } from '../http/body.ts'
import { json, param } from '../http/json.ts'

const SMALL_BODY = 64 * 1024

/** GET …/dist-tags. Never with a max-age: `npm dist-tag ls` right after `add` must show the new tag. */
export async function showTags(ctx: Context, registry: Registry): Promise<void> {
  const head = await registry.packages.head(ctx.state.who, named(ctx))
  const { tags } = await registry.documents.face(head)
  json(ctx, 200, tags)
}

/** PUT …/dist-tags/:tag, the body a bare JSON string. */
export async function setTag(ctx: Context, registry: Registry): Promise<void> {
  const version = versionIn(await readJson(ctx.req, SMALL_BODY))
  await registry.versions.setTag(await ctx.state.who(), named(ctx), {
    tag: param(ctx, 'tag'),
    version,
  })
  json(ctx, 201, { ok: true })
}

/** PUT or POST …/dist-tags, the body a map (npm's OpenAPI description; no client known sends it). */
export async function setTags(ctx: Context, registry: Registry): Promise<void> {
  const tags = objectOf(await readJson(ctx.req, SMALL_BODY))
  if (!tags) throw new Fault('BAD_REQUEST', { why: 'the body must be a JSON object of tag and version' })
  const name = named(ctx)
  const caller = await ctx.state.who()
  for (const [tag, version] of Object.entries(tags))
    await registry.versions.setTag(caller, name, { tag, version: versionIn(version) })
  json(ctx, 201, { ok: true })
}

export async function removeTag(ctx: Context, registry: Registry): Promise<void> {
  await registry.versions.removeTag(await ctx.state.who(), named(ctx), param(ctx, 'tag'))
  json(ctx, 200, { ok: true })
}

function named(ctx: Context): PackageName {
  return fromNpmName(param(ctx, 'name'))
}

function versionIn(value: Json | undefined): string {
  if (typeof value === 'string') return value
  throw new Fault('BAD_REQUEST', { why: 'the version must be a JSON string, such as "1.0.0"' })
}
