import type { Context } from 'koa'
import { Fault } from '../../base/fault.ts'
import { fromNpmName } from '../../base/name.ts'
import type { JsonObject } from '../../registry/model.ts'
import { EVERYBODY, type Role } from '../../registry/organisations.ts'
import type { Registry } from '../../registry/registry.ts'
import { readObject, textOf } from '../http/body.ts'
import { json, param } from '../http/json.ts'

const SMALL_BODY = 64 * 1024
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

/** GET /-/org/:org/team: strings for npm, which says `format=cli`, objects for pnpm. */
export async function listTeams(ctx: Context, registry: Registry): Promise<void> {
  const org = param(ctx, 'org')
  await registry.organisations.members(await ctx.state.who(), org)
  json(ctx, 200, ctx.query.format === 'cli' ? [`${org}:${EVERYBODY}`] : [{ name: EVERYBODY }])
}

/** PUT /-/org/:org/team `{"name"}`: only the team that is there anyway can be made. */
export async function createTeam(ctx: Context, registry: Registry): Promise<void> {
  const org = param(ctx, 'org')
  await registry.access.actFor(await ctx.state.who(), org)
  const name = fieldOf(await readObject(ctx.req, SMALL_BODY), 'name')
  registry.organisations.checkTeam(org, name)
  json(ctx, 200, { name })
}

/** DELETE /-/team/:org/:team */
export async function destroyTeam(ctx: Context, registry: Registry): Promise<void> {
  const org = param(ctx, 'org')
  await registry.access.actFor(await ctx.state.who(), org)
  registry.organisations.checkTeam(org, param(ctx, 'team'))
  throw new Fault('FORBIDDEN', { why: `"${EVERYBODY}" is all members of ${org} and cannot be destroyed.` })
}

/** GET /-/team/:org/:team/user */
export async function listTeamMembers(ctx: Context, registry: Registry): Promise<void> {
  const org = teamOf(ctx, registry)
  const members = await registry.organisations.members(await ctx.state.who(), org)
  const names = members.map(({ name }) => name)
  json(ctx, 200, ctx.query.format === 'cli' ? names : names.map((name) => ({ name })))
}

/** PUT /-/team/:org/:team/user `{"user"}` */
export async function addTeamMember(ctx: Context, registry: Registry): Promise<void> {
  const caller = registry.access.writer(await ctx.state.who())
  const org = teamOf(ctx, registry)
  const user = fieldOf(await readObject(ctx.req, SMALL_BODY), 'user')
  await registry.namespaces.invite(caller, org, user)
  json(ctx, 201, {})
}

/** DELETE /-/team/:org/:team/user `{"user"}` */
export async function removeTeamMember(ctx: Context, registry: Registry): Promise<void> {
  teamOf(ctx, registry)
  await removeMember(ctx, registry)
}

/** GET /-/org/:org/package, /-/team/:org/:team/package: names and what the members may do with them. */
export async function listOrgPackages(ctx: Context, registry: Registry): Promise<void> {
  const org = ctx.params.team === undefined ? param(ctx, 'org') : teamOf(ctx, registry)
  const heads = await registry.organisations.packages(ctx.state.who, org)
  json(ctx, 200, Object.fromEntries(heads.map(({ npmName }) => [npmName, 'write'])))
}

/** GET /-/user/:user/package; GET /-/-/package (pnpm without argument): as listOrgPackages, for one account. */
export async function listUserPackages(ctx: Context, registry: Registry): Promise<void> {
  const caller = await ctx.state.who()
  if (caller.kind === 'anonymous') throw new Fault('UNAUTHENTICATED', {})
  const user = ctx.params.user === undefined ? caller.name : param(ctx, 'user')
  const lists = (await registry.namespaces.of(user)).map((namespace) =>
    registry.organisations.packages(ctx.state.who, namespace),
  )
  const heads = (await Promise.all(lists)).flat()
  json(ctx, 200, Object.fromEntries(heads.map(({ npmName }) => [npmName, 'write'])))
}

/** PUT /-/team/:org/:team/package `{"package","permissions"}` */
export async function grant(ctx: Context, registry: Registry): Promise<void> {
  const caller = registry.access.writer(await ctx.state.who())
  const org = teamOf(ctx, registry)
  const body = await readObject(ctx.req, SMALL_BODY)
  if (body.permissions === 'read-only')
    throw new Fault('BAD_REQUEST', {
      why: 'Members of a namespace that maintains a package may publish it, too; grant "read-write".',
    })
  await registry.organisations.grant(caller, org, fromNpmName(fieldOf(body, 'package')))
  json(ctx, 200, { ok: true })
}

/** DELETE /-/team/:org/:team/package `{"package"}` */
export async function revoke(ctx: Context, registry: Registry): Promise<void> {
  const caller = registry.access.writer(await ctx.state.who())
  const org = teamOf(ctx, registry)
  const name = fieldOf(await readObject(ctx.req, SMALL_BODY), 'package')
  await registry.organisations.revoke(caller, org, fromNpmName(name))
  json(ctx, 200, { ok: true })
}

/** The organisation of a path that names one of its teams. */
function teamOf(ctx: Context, registry: Registry): string {
  const org = param(ctx, 'org')
  registry.organisations.checkTeam(org, param(ctx, 'team'))
  return org
}

function fieldOf(body: JsonObject, field: string): string {
  const text = textOf(body[field])
  if (text !== undefined) return text
  throw new Fault('BAD_REQUEST', { why: `the body must hold "${field}"` })
}
