import type { Context } from 'koa'
import { Fault } from '../../base/fault.ts'
import type { JsonObject } from '../../registry/model.ts'
import type { Role } from '../../registry/organisations.ts'
import type { Registry } from '../../registry/registry.ts'
import { readObject, textOf } from '../http/body.ts'
import { json, param } from '../http/json.ts'

export const SMALL_BODY = 64 * 1024
/** npm knows three roles; its admins are members here. */
const ROLES: Readonly<Record<string, Role>> = { owner: 'owner', admin: 'member', developer: 'member' }
const NPM_ROLES: Readonly<Record<Role, string>> = { owner: 'owner', member: 'developer' }

/** GET /-/org/:org/user: who with which role. */
export async function listMembers(ctx: Context, registry: Registry): Promise<void> {
  const members = await registry.organisations.members(await ctx.state.who(), param(ctx, 'org'))
  json(ctx, 200, Object.fromEntries(members.map(({ name, role }) => [name, NPM_ROLES[role]])))
}

/** PUT /-/org/:org/user `{"user","role"}` */
export async function setMember(ctx: Context, registry: Registry): Promise<void> {
  const caller = registry.access.writer(await ctx.state.who())
  const org = param(ctx, 'org')
  const body = await readObject(ctx.req, SMALL_BODY)
  const name = fieldOf(body, 'user')
  const wanted = textOf(body.role) ?? 'developer'
  const role = Object.hasOwn(ROLES, wanted) ? ROLES[wanted] : undefined
  if (!role) throw new Fault('BAD_REQUEST', { why: '"role" must be "owner", "admin" or "developer"' })
  await registry.organisations.setMember(caller, org, { name, role })
  const { length: size } = await registry.organisations.members(caller, org)
  json(ctx, 200, { org: { name: org, size }, user: name, role: NPM_ROLES[role] })
}

/** DELETE /-/org/:org/user `{"user"}` */
export async function removeMember(ctx: Context, registry: Registry): Promise<void> {
  const caller = registry.access.writer(await ctx.state.who())
  const user = fieldOf(await readObject(ctx.req, SMALL_BODY), 'user')
  await registry.organisations.removeMember(caller, param(ctx, 'org'), user)
  ctx.status = 204
}

/** The text that a body holds under this name. BAD_REQUEST. */
export function fieldOf(body: JsonObject, field: string): string {
  const text = textOf(body[field])
  if (text !== undefined) return text
  throw new Fault('BAD_REQUEST', { why: `the body must hold "${field}"` })
}
