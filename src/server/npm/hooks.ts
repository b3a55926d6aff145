import type { Context } from 'koa'
import { Fault, fail } from '../../base/fault.ts'
import { iso } from '../../base/time.ts'
import type { Registry } from '../../registry/registry.ts'
import { WEBHOOK_KINDS, type Webhook } from '../../registry/webhooks.ts'
import { readObject, textOf } from '../http/body.ts'
import { json, param } from '../http/json.ts'

const SMALL_BODY = 64 * 1024
const PER_PAGE = 100

/** `npm hook add`. */
export async function addHook(ctx: Context, registry: Registry): Promise<void> {
  const caller = await ctx.state.who()
  const { type, name, endpoint, secret } = await readObject(ctx.req, SMALL_BODY)
  const kind = WEBHOOK_KINDS.find((it) => it === type)
  if (!kind) throw new Fault('BAD_REQUEST', { why: `"type" is one of ${WEBHOOK_KINDS.join(', ')}` })
  const wish = { kind, name: textOf(name) ?? '', url: needed(textOf(endpoint), 'endpoint') }
  json(
    ctx,
    201,
    shown(await registry.webhooks.add(caller, { ...wish, secret: needed(textOf(secret), 'secret') })),
  )
}

/** `npm hook ls`. */
export async function listHooks(ctx: Context, registry: Registry): Promise<void> {
  const about = ctx.query.package
  const all = await registry.webhooks.list(
    await ctx.state.who(),
    typeof about === 'string' && about !== '' ? about : undefined,
  )
  const from = Math.max(0, Math.trunc(Number(ctx.query.offset)) || 0)
  const limit = Math.min(PER_PAGE, Math.max(1, Math.trunc(Number(ctx.query.limit)) || PER_PAGE))
  json(ctx, 200, { objects: all.slice(from, from + limit).map(shown), total: all.length, urls: {} })
}

export async function showHook(ctx: Context, registry: Registry): Promise<void> {
  json(ctx, 200, shown(await registry.webhooks.find(await ctx.state.who(), param(ctx, 'id'))))
}

/** `npm hook update`. */
export async function updateHook(ctx: Context, registry: Registry): Promise<void> {
  const caller = await ctx.state.who()
  const { endpoint, secret } = await readObject(ctx.req, SMALL_BODY)
  const change = { url: needed(textOf(endpoint), 'endpoint'), secret: needed(textOf(secret), 'secret') }
  json(ctx, 200, shown(await registry.webhooks.update(caller, param(ctx, 'id'), change)))
}

/** `npm hook rm`. */
export async function removeHook(ctx: Context, registry: Registry): Promise<void> {
  json(ctx, 200, shown(await registry.webhooks.remove(await ctx.state.who(), param(ctx, 'id'))))
}

/** What was sent to a webhook, newest first; npm has no command for it. */
export async function listDeliveries(ctx: Context, registry: Registry): Promise<void> {
  const all = await registry.webhooks.deliveries(await ctx.state.who(), param(ctx, 'id'))
  const objects = all.map(({ createdAt, triedAt, dueAt, body, ...rest }) => ({
    ...rest,
    created: iso(createdAt),
    tried: triedAt === undefined ? null : iso(triedAt),
    due: dueAt === undefined ? null : iso(dueAt),
    body: JSON.parse(body),
  }))
  json(ctx, 200, { objects, total: objects.length })
}

export async function redeliver(ctx: Context, registry: Registry): Promise<void> {
  await registry.webhooks.redeliver(await ctx.state.who(), param(ctx, 'id'), param(ctx, 'delivery'))
  json(ctx, 202, { ok: true })
}

/** As npm's command prints it; secrets are kept to ourselves. */
function shown({ id, kind, name, url, account, createdAt, updatedAt, last }: Webhook) {
  return {
    id,
    username: account,
    name: kind === 'scope' ? `@${name}` : name,
    endpoint: url,
    type: kind,
    created: iso(createdAt),
    updated: iso(updatedAt),
    delivered: last !== undefined && last.problem === undefined,
    last_delivery: last?.triedAt === undefined ? null : iso(last.triedAt),
    response_code: last?.status ?? 0,
    status: last?.problem === undefined ? 'active' : 'failing',
  }
}

function needed(text: string | undefined, field: string): string {
  return text ?? fail('BAD_REQUEST', { why: `"${field}" must be a text` })
}
