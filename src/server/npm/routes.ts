import Router from '@koa/router'
import type { Context } from 'koa'
import { Fault, isFault } from '../../base/fault.ts'
import { fromNpmName } from '../../base/name.ts'
import type { Registry } from '../../registry/registry.ts'
import { reply } from '../http/answer.ts'
import { readObject } from '../http/body.ts'
import { type Envelope, inNpmNames } from '../http/faults.ts'
import { json, param } from '../http/json.ts'
import { methodsAt } from '../http/methods.ts'
import { originOf } from '../http/origin.ts'
import { setAccess, showAccess, showCollaborators, showVisibility } from './access.ts'
import { downloadRoutes } from './downloads.ts'
import { addHook, listDeliveries, listHooks, redeliver, removeHook, showHook, updateHook } from './hooks.ts'
import { passwordLogin } from './login.ts'
import { showMetrics } from './metrics.ts'
import { listMembers, removeMember, setMember } from './organisations.ts'
import { addOwner, removeOwner, showOwners } from './owners.ts'
import { changeProfile, showProfile } from './profile.ts'
import { putPackage, requireRevision } from './publish.ts'
import type { Reads } from './read.ts'
import { search } from './search.ts'
import { bulkAdvisories, quickAudit, showAttestations, showKeys } from './security.ts'
import { approveStaged, listStaged, rejectStaged, sendStaged, showStaged, stageVersion } from './stage.ts'
import { listOwnStars, listStars, putStars, setStar } from './stars.ts'
import { removeTag, setTag, setTags, showTags } from './tags.ts'
import {
  addTeamMember,
  createTeam,
  destroyTeam,
  grant,
  listOrgPackages,
  listTeamMembers,
  listTeamPackages,
  listTeams,
  listUserPackages,
  removeTeamMember,
  revoke,
} from './teams.ts'
import { createToken, listTokens, revokeToken } from './tokens.ts'
import { addTrust, exchangeToken, listTrust, revokeTrust } from './trust.ts'
import { beginWebLogin, offerWebOtp, pollWebLogin } from './web-login.ts'

export type NpmDoor = {
  readonly registry: Registry
  readonly reads: Reads
  /** Whether a password login may make an account. */
  readonly signUp: boolean
  /** What npm shows to everybody. */
  readonly notice?: string | undefined
}

const SMALL_BODY = 1024 * 1024
/** npm commands that send a document to be starred with, which is no publish. */
const STARRING = new Set(['star', 'unstar'])

/** npm reads `error`, npm 12 and others `message`; `authUrl` and `doneUrl` where a one-time password can be given in the browser. */
export const npmEnvelope: Envelope = (fault, ctx) => {
  const sentence = isOfNobody(fault, ctx) ? `${fault.message}: ${NOBODYS}` : inNpmNames(fault).message
  return {
    status: fault.status,
    sentence,
    body: {
      error: sentence,
      message: sentence,
      code: fault.code,
      ...(isFault(fault, 'OTP_REQUIRED') && fault.detail),
    },
  }
}

const NOBODYS = 'the token or password that was sent is unknown, revoked or expired'

/** Whether an account was missing though something was sent to tell whose. */
function isOfNobody(fault: Fault, ctx: Context): boolean {
  return (
    isFault(fault, 'UNAUTHENTICATED') && fault.detail.why === undefined && ctx.get('authorization') !== ''
  )
}

/** Organisations are namespaces. */
function organisationRoutes(registry: Registry): Router {
  const router = new Router()
  router.get('/-/org/:org/user', (ctx) => listMembers(ctx, registry))
  router.put('/-/org/:org/user', (ctx) => setMember(ctx, registry))
  router.delete('/-/org/:org/user', (ctx) => removeMember(ctx, registry))
  router.get('/-/org/:org/team', (ctx) => listTeams(ctx, registry))
  router.put('/-/org/:org/team', (ctx) => createTeam(ctx, registry))
  router.delete('/-/team/:org/:team', (ctx) => destroyTeam(ctx, registry))
  router.get('/-/team/:org/:team/user', (ctx) => listTeamMembers(ctx, registry))
  router.put('/-/team/:org/:team/user', (ctx) => addTeamMember(ctx, registry))
  router.delete('/-/team/:org/:team/user', (ctx) => removeTeamMember(ctx, registry))
  router.get('/-/org/:org/package', (ctx) => listOrgPackages(ctx, registry))
  router.get('/-/team/:org/:team/package', (ctx) => listTeamPackages(ctx, registry))
  router.put('/-/team/:org/:team/package', (ctx) => grant(ctx, registry))
  router.delete('/-/team/:org/:team/package', (ctx) => revoke(ctx, registry))
  router.get('/-/user/:user/package', (ctx) => listUserPackages(ctx, registry))
  router.get('/-/-/package', (ctx) => listUserPackages(ctx, registry))
  return router
}

/** People and their ways in. */
function accountRoutes(door: NpmDoor): Router {
  const { registry } = door
  const router = new Router()
  router.get('/-/whoami', (ctx) => whoami(ctx))
  router.post('/-/v1/login', (ctx) => beginWebLogin(ctx, registry))
  router.get('/-/v1/login/poll/:id', (ctx) => pollWebLogin(ctx, registry))
  router.get('/-/npm/v1/user', (ctx) => showProfile(ctx, registry))
  router.post('/-/npm/v1/user', (ctx) => changeProfile(ctx, registry))
  router.get('/-/npm/v1/tokens', (ctx) => listTokens(ctx, registry))
  router.post('/-/npm/v1/tokens', (ctx) => createToken(ctx, registry))
  router.delete('/-/npm/v1/tokens/token/:key', (ctx) => revokeToken(ctx, registry))
  router.put('/-/user/:couch', (ctx) => login(ctx, door))
  router.put('/-/user/:couch/-rev/:rev', (ctx) => login(ctx, door))
  router.get('/-/user/:couch', (ctx) => showUser(ctx, door))
  router.delete('/-/user/token/:token', (ctx) => logout(ctx, door))
  router.put('/-/user/v1/star', (ctx) => setStar(ctx, registry))
  router.delete('/-/user/v1/star', (ctx) => setStar(ctx, registry))
  router.get('/-/user/v1/star', (ctx) => listOwnStars(ctx, registry))
  router.get('/-/_view/starredByUser', (ctx) => listStars(ctx, registry))
  return router
}

/** What is asked and changed about packages beside their documents. */
function packageRoutes(registry: Registry): Router {
  const router = new Router()
  router.get('/-/package/:name/dist-tags', (ctx) => showTags(ctx, registry))
  router.put('/-/package/:name/dist-tags', (ctx) => setTags(ctx, registry))
  router.post('/-/package/:name/dist-tags', (ctx) => setTags(ctx, registry))
  router.put('/-/package/:name/dist-tags/:tag', (ctx) => setTag(ctx, registry))
  router.delete('/-/package/:name/dist-tags/:tag', (ctx) => removeTag(ctx, registry))
  router.get('/-/package/:name/visibility', (ctx) => showVisibility(ctx, registry))
  router.get('/-/package/:name/access', (ctx) => showAccess(ctx, registry))
  router.post('/-/package/:name/access', (ctx) => setAccess(ctx, registry))
  router.get('/-/package/:name/collaborators', (ctx) => showCollaborators(ctx, registry))
  router.get('/-/package/:name/owners', (ctx) => showOwners(ctx, registry))
  router.put('/-/package/:name/owners', (ctx) => addOwner(ctx, registry))
  router.delete('/-/package/:name/owners/:user', (ctx) => removeOwner(ctx, registry))
  router.get('/-/package/:name/trust', (ctx) => listTrust(ctx, registry))
  router.post('/-/package/:name/trust', (ctx) => addTrust(ctx, registry))
  router.delete('/-/package/:name/trust/:id', (ctx) => revokeTrust(ctx, registry))
  router.post('/-/npm/v1/oidc/token/exchange/package/:name', (ctx) => exchangeToken(ctx, registry))
  router.post('/-/npm/v1/security/advisories/bulk', (ctx) => bulkAdvisories(ctx, registry))
  router.post('/-/npm/v1/security/audits', (ctx) => quickAudit(ctx, registry))
  router.post('/-/npm/v1/security/audits/quick', (ctx) => quickAudit(ctx, registry))
  router.get('/-/npm/v1/keys', (ctx) => showKeys(ctx, registry))
  router.get('/-/npm/v1/attestations/:spec', (ctx) => showAttestations(ctx, registry))
  return router
}

/** Versions that wait for approval. */
function stageRoutes(registry: Registry): Router {
  const router = new Router({ prefix: '/-/stage' })
  router.get('/', (ctx) => listStaged(ctx, registry))
  router.post('/package/:name', (ctx) => stageVersion(ctx, registry))
  router.get('/:id', (ctx) => showStaged(ctx, registry))
  router.get('/:id/tarball', (ctx) => sendStaged(ctx, registry))
  router.post('/:id/approve', (ctx) => approveStaged(ctx, registry))
  router.delete('/:id', (ctx) => rejectStaged(ctx, registry))
  return router
}

/** Webhooks, and what was sent to them. */
function hookRoutes(registry: Registry): Router {
  const router = new Router({ prefix: '/-/npm/v1/hooks' })
  router.get('/', (ctx) => listHooks(ctx, registry))
  router.post('/hook', (ctx) => addHook(ctx, registry))
  router.get('/hook/:id', (ctx) => showHook(ctx, registry))
  router.put('/hook/:id', (ctx) => updateHook(ctx, registry))
  router.delete('/hook/:id', (ctx) => removeHook(ctx, registry))
  router.get('/hook/:id/deliveries', (ctx) => listDeliveries(ctx, registry))
  router.post('/hook/:id/deliveries/:delivery', (ctx) => redeliver(ctx, registry))
  return router
}

/** Every endpoint of the npm door, a line each. Paths come in canonical form: a name is one segment (see names.ts). */
export function npmRoutes(door: NpmDoor): Router {
  const { registry, notice } = door
  const router = new Router({ strict: false })
  router.use((ctx, next) => {
    if (notice !== undefined) ctx.set('npm-notice', notice)
    return next()
  })
  router.use(offerWebOtp(registry))
  router.get('/-/ping', (ctx) => json(ctx, 200, {}))
  router.get('/-/metrics', (ctx) => showMetrics(ctx, registry))
  router.get('/-/v1/search', (ctx) => search(ctx, registry))
  router.use(accountRoutes(door).routes())
  router.use(packageRoutes(registry).routes())
  router.use(organisationRoutes(registry).routes())
  router.use(hookRoutes(registry).routes())
  router.use(stageRoutes(registry).routes())
  router.all('/-/*rest', (ctx) => refuse(ctx, router))
  router.use(downloadRoutes(registry).routes())
  router.get('/:name', (ctx) => read(ctx, (reading) => door.reads.packument(named(ctx), reading)))
  router.get('/:name/:version', (ctx) =>
    read(ctx, (reading) => door.reads.version(named(ctx), param(ctx, 'version'), reading)),
  )
  router.get('/:name/-/:file', (ctx) =>
    read(ctx, (reading) => door.reads.tarball(named(ctx), param(ctx, 'file'), reading)),
  )
  router.put('/:name', (ctx) => publish(ctx, door))
  router.put('/:name/-rev/:rev', (ctx) => publish(ctx, door))
  router.delete('/:name/-rev/:rev', (ctx) => unpublish(ctx, door))
  // npm removes the version by PUT and only then deletes the tarball, sometimes under a wrong path: nothing is left to do.
  router.delete('/:name/-/:file/-rev/:rev', (ctx) => json(ctx, 200, { ok: true }))
  router.all('/*rest', (ctx) => refuse(ctx, router))
  return router
}

function named(ctx: Context) {
  return fromNpmName(param(ctx, 'name'))
}

async function read(
  ctx: Context,
  answer: (reading: Parameters<Reads['packument']>[1]) => ReturnType<Reads['packument']>,
): Promise<void> {
  await reply(ctx, await answer({ request: ctx.req, who: ctx.state.who, address: ctx.state.address }))
}

async function whoami(ctx: Context): Promise<void> {
  const caller = await ctx.state.who()
  if (caller.kind === 'anonymous') throw new Fault('UNAUTHENTICATED', {})
  json(ctx, 200, { username: caller.name })
}

async function login(ctx: Context, { registry, signUp }: NpmDoor): Promise<void> {
  const pathName = userOf(ctx)
  const body = await readObject(ctx.req, SMALL_BODY)
  const { name, token } = await passwordLogin(registry, body, {
    pathName,
    address: ctx.ip,
    otp: ctx.get('npm-otp') || undefined,
    signUp,
    // npm and pnpm say what they were told to do: whoever logs in and mistypes the name must not get an account of that name.
    isLogin: ctx.get('npm-command') === 'login',
  })
  json(ctx, 201, { ok: true, id: `org.couchdb.user:${name}`, rev: '1-0', token })
}

/** `npm owner` asks whether a user exists. Addresses are for those who are logged in. */
async function showUser(ctx: Context, { registry }: NpmDoor): Promise<void> {
  const name = userOf(ctx)
  const caller = await ctx.state.who()
  if (caller.kind === 'anonymous') throw new Fault('UNAUTHENTICATED', {})
  const account = await registry.accounts.find(name)
  if (!account) throw new Fault('NOT_FOUND', { what: name })
  json(ctx, 200, { _id: `org.couchdb.user:${name}`, name, email: account.email, type: 'user', roles: [] })
}

async function logout(ctx: Context, { registry }: NpmDoor): Promise<void> {
  const caller = await ctx.state.who()
  if (caller.kind === 'anonymous') throw new Fault('UNAUTHENTICATED', {})
  await registry.tokens.revokeSecret(caller, param(ctx, 'token'), originOf(ctx, caller))
  json(ctx, 200, { ok: true })
}

async function publish(ctx: Context, { registry }: NpmDoor): Promise<void> {
  if (STARRING.has(ctx.get('npm-command'))) return putStars(ctx, registry)
  const name = named(ctx)
  const rev = ctx.params.rev === undefined ? undefined : param(ctx, 'rev')
  await putPackage(registry, ctx.req, { caller: await ctx.state.who(), name, rev })
  json(ctx, 201, { ok: true, success: true })
}

async function unpublish(ctx: Context, { registry }: NpmDoor): Promise<void> {
  const name = named(ctx)
  const revision = requireRevision(registry, name, param(ctx, 'rev'))
  await registry.packages.remove(await ctx.state.who(), name, revision)
  json(ctx, 200, { ok: true })
}

function userOf(ctx: Context): string {
  const couch = param(ctx, 'couch')
  const prefix = 'org.couchdb.user:'
  if (!couch.startsWith(prefix)) return unknown(ctx)
  return couch.slice(prefix.length)
}

/** OPTIONS tells the methods of a path, any other that is not among them is 405. Nothing below `/-/` is a package's. */
function refuse(ctx: Context, router: Router): void {
  const isOurs = ctx.path.startsWith('/-/')
  const methods = methodsAt(router, ctx.path, (pattern) => pattern.startsWith('/-/') === isOurs)
  if (methods.length === 0 || methods.includes(ctx.method)) unknown(ctx)
  const allowed = [...methods, 'OPTIONS']
  if (ctx.method !== 'OPTIONS') throw new Fault('METHOD_NOT_ALLOWED', { method: ctx.method, allowed })
  ctx.set('allow', allowed.join(', '))
  ctx.status = 204
}

function unknown(ctx: Context): never {
  throw new Fault('NOT_FOUND', { what: `${ctx.method} ${ctx.path}` })
}
