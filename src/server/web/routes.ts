import Router from '@koa/router'
import type { Context, Next } from 'koa'
import { Fault, fail } from '../../base/fault.ts'
import { param } from '../http/json.ts'
import { HOME, redirect } from '../http/local.ts'
import { auditPage } from './admin/audit-page.ts'
import { healthPage } from './admin/health-page.ts'
import { mirrorPage, namespacesPage, overviewPage } from './admin/pages.ts'
import { policyPage } from './admin/policy-page.ts'
import { prefetchFile, prefetchPage } from './admin/prefetch-page.ts'
import { storagePage } from './admin/storage-page.ts'
import { changeUser, inviteUser, usersPage } from './admin/users-page.ts'
import type { WebDoor } from './door.ts'
import { home } from './home.ts'
import { answerInvitation, invitationsPage } from './invitations.ts'
import { packagePages } from './package/routes.ts'
import { namespacePath, packagePath } from './paths.ts'
import { namespacePage, userPage } from './people.ts'
import { searchPage } from './search.ts'
import { serveIcon, serveStatic } from './static.ts'
import { changeTeam, createTeam, teamPage } from './teams.ts'

/** Every page, a line each. */
export function webRoutes(door: WebDoor): Router {
  const router = new Router()
  router.use(refuseNul)
  router.get('/', (ctx) => home(ctx, door))
  router.get('/www/static/:hash/:name', (ctx) => serveStatic(ctx))
  router.get('/favicon.ico', (ctx) => serveIcon(ctx))
  router.get('/www/search', (ctx) => searchPage(ctx, door))
  router.get('/www/package/*target', (ctx) => packagePages(ctx, door))
  router.get('/www/namespace/:name', (ctx) => namespacePage(ctx, door))
  router.post('/www/namespace/:name/team', (ctx) => createTeam(ctx, door))
  router.get('/www/namespace/:name/team/:team', (ctx) => teamPage(ctx, door))
  router.post('/www/namespace/:name/team/:team', (ctx) => changeTeam(ctx, door))
  router.get('/www/user/:name', (ctx) => userPage(ctx, door))
  router.get('/www/invitations', (ctx) => invitationsPage(ctx, door))
  router.post('/www/invitations', (ctx) => answerInvitation(ctx, door))
  router.get('/www/admin', (ctx) => overviewPage(ctx, door))
  router.get('/www/admin/users', (ctx) => usersPage(ctx, door))
  router.post('/www/admin/users', (ctx) => changeUser(ctx, door))
  router.post('/www/admin/users/invite', (ctx) => inviteUser(ctx, door))
  router.get('/www/admin/namespaces', (ctx) => namespacesPage(ctx, door))
  router.get('/www/admin/mirror', (ctx) => mirrorPage(ctx, door))
  router.get('/www/admin/prefetch', (ctx) => prefetchPage(ctx, door))
  router.post('/www/admin/prefetch', (ctx) => prefetchFile(ctx, door))
  router.get('/www/admin/storage', (ctx) => storagePage(ctx, door))
  router.post('/www/admin/storage', (ctx) => storagePage(ctx, door))
  router.get('/www/admin/policy', (ctx) => policyPage(ctx, door))
  router.get('/www/admin/health', (ctx) => healthPage(ctx, door))
  router.get('/www/admin/audit', (ctx) => auditPage(ctx, door))
  router.get('/www', (ctx) => redirect(ctx, HOME))
  router.all('/www/*rest', (ctx) => fail('NOT_FOUND', { what: ctx.path }))
  router.get('/:name', (ctx) => toPackage(ctx, param(ctx, 'name')))
  router.get('/:scope/:name', (ctx) => toPackage(ctx, `${param(ctx, 'scope')}/${param(ctx, 'name')}`))
  return router
}

/** No name and no word holds one, and Postgres takes none: nothing behind here needs to think of it. */
function refuseNul(ctx: Context, next: Next): Promise<void> {
  if (ctx.url.includes('%00')) throw new Fault('BAD_REQUEST', { why: 'the address holds a NUL' })
  return next()
}

/** What somebody typed behind our address; doors.ts lets only names of packages and scopes come here. */
function toPackage(ctx: Context, name: string): void {
  ctx.set('vary', 'accept')
  const [, namespace] = /^@([^/]+)$/.exec(name) ?? []
  redirect(ctx, namespace === undefined ? packagePath(name) : namespacePath(namespace))
}

export { webEnvelope } from './errors.ts'
