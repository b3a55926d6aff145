import type { Context } from 'koa'
import { Fault } from '../../base/fault.ts'
import { fromNpmName } from '../../base/name.ts'
import type { Grant, Permission } from '../../registry/grants.ts'
import type { Registry } from '../../registry/registry.ts'
import { type TeamKey, written } from '../../registry/teams.ts'
import { readObject } from '../http/body.ts'
import { json, param } from '../http/json.ts'
import { fieldOf, SMALL_BODY } from './organisations.ts'

/** What npm calls a grant's permission when it is given; told, it is `read` or `write`. */
const PERMISSIONS: ReadonlyMap<unknown, Permission> = new Map([
  ['read-only', 'read'],
  ['read-write', 'write'],
])

/** GET /-/org/:org/team: strings for npm, which says `format=cli`, objects for pnpm. */
export async function listTeams(ctx: Context, registry: Registry): Promise<void> {
  const namespace = param(ctx, 'org')
  const teams = await registry.teams.list(await ctx.state.who(), namespace)
  const names = teams.map(({ name }) => name)
  json(
    ctx,
    200,
    ctx.query.format === 'cli'
      ? names.map((team) => written({ namespace, team }))
      : names.map((name) => ({ name })),
  )
}

/** PUT /-/org/:org/team `{"name"}` */
export async function createTeam(ctx: Context, registry: Registry): Promise<void> {
  const caller = registry.access.writer(await ctx.state.who())
  const name = fieldOf(await readObject(ctx.req, SMALL_BODY), 'name')
  await registry.teams.create(caller, { namespace: param(ctx, 'org'), team: name })
  json(ctx, 201, { name })
}

/** DELETE /-/team/:org/:team */
export async function destroyTeam(ctx: Context, registry: Registry): Promise<void> {
  await registry.teams.destroy(await ctx.state.who(), teamOf(ctx))
  ctx.status = 204
}

/** GET /-/team/:org/:team/user: as listTeams. */
export async function listTeamMembers(ctx: Context, registry: Registry): Promise<void> {
  const { members } = await registry.teams.find(await ctx.state.who(), teamOf(ctx))
  json(ctx, 200, ctx.query.format === 'cli' ? members : members.map((name) => ({ name })))
}

/** PUT /-/team/:org/:team/user `{"user"}` */
export async function addTeamMember(ctx: Context, registry: Registry): Promise<void> {
  const caller = registry.access.writer(await ctx.state.who())
  const user = fieldOf(await readObject(ctx.req, SMALL_BODY), 'user')
  await registry.teams.add(caller, teamOf(ctx), user)
  json(ctx, 201, {})
}

/** DELETE /-/team/:org/:team/user `{"user"}` */
export async function removeTeamMember(ctx: Context, registry: Registry): Promise<void> {
  const caller = registry.access.writer(await ctx.state.who())
  const user = fieldOf(await readObject(ctx.req, SMALL_BODY), 'user')
  await registry.teams.remove(caller, teamOf(ctx), user)
  ctx.status = 204
}

/** GET /-/org/:org/package: names and what the members may do with them. */
export async function listOrgPackages(ctx: Context, registry: Registry): Promise<void> {
  permissions(ctx, await registry.grants.ofNamespace(ctx.state.who, param(ctx, 'org')))
}

/** GET /-/team/:org/:team/package */
export async function listTeamPackages(ctx: Context, registry: Registry): Promise<void> {
  permissions(ctx, await registry.grants.ofTeam(ctx.state.who, teamOf(ctx)))
}

/** GET /-/user/:user/package; GET /-/-/package (pnpm without argument): for one account. */
export async function listUserPackages(ctx: Context, registry: Registry): Promise<void> {
  const caller = await ctx.state.who()
  if (caller.kind === 'anonymous') throw new Fault('UNAUTHENTICATED', {})
  const user = ctx.params.user === undefined ? caller.name : param(ctx, 'user')
  permissions(ctx, await registry.grants.ofUser(ctx.state.who, user))
}

/** PUT /-/team/:org/:team/package `{"package","permissions"}` */
export async function grant(ctx: Context, registry: Registry): Promise<void> {
  const caller = registry.access.writer(await ctx.state.who())
  const body = await readObject(ctx.req, SMALL_BODY)
  const name = fromNpmName(fieldOf(body, 'package'))
  const permission = PERMISSIONS.get(body.permissions)
  if (!permission)
    throw new Fault('BAD_REQUEST', { why: '"permissions" must be "read-only" or "read-write"' })
  await registry.grants.give(caller, teamOf(ctx), { name, permission })
  json(ctx, 200, { ok: true })
}

/** DELETE /-/team/:org/:team/package `{"package"}` */
export async function revoke(ctx: Context, registry: Registry): Promise<void> {
  const caller = registry.access.writer(await ctx.state.who())
  const name = fieldOf(await readObject(ctx.req, SMALL_BODY), 'package')
  await registry.grants.take(caller, teamOf(ctx), fromNpmName(name))
  json(ctx, 200, { ok: true })
}

function permissions(ctx: Context, grants: readonly Grant[]): void {
  json(ctx, 200, Object.fromEntries(grants.map(({ head, permission }) => [head.npmName, permission])))
}

function teamOf(ctx: Context): TeamKey {
  return { namespace: param(ctx, 'org'), team: param(ctx, 'team') }
}
