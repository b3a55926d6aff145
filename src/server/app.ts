import type { IncomingMessage, ServerResponse } from 'node:http'
import type Router from '@koa/router'
import Koa, { type Context, type Middleware } from 'koa'
import { Fault } from '../base/fault.ts'
import type { Log } from '../base/log.ts'
import { comingVia } from '../base/via.ts'
import type { Registry } from '../registry/registry.ts'
import { type Door, doorOf, hiddenName, NPM_PREFIX, withoutBase } from './doors.ts'
import { entropicEnvelope, entropicRoutes } from './entropic/routes.ts'
import { Gate } from './gate.ts'
import { answerHot, hotFailure } from './hot.ts'
import { type AddressPolicy, basePathOf, clientAddress, isMisled, publicAddress } from './http/address.ts'
import { Callers } from './http/caller.ts'
import { catchFaults, type Envelope, isClientGone } from './http/faults.ts'
import { inTurn } from './http/pipelining.ts'
import { requestId, splitUrl } from './http/request.ts'
import { canonicalPath } from './npm/names.ts'
import { Reads } from './npm/read.ts'
import { npmEnvelope, npmRoutes } from './npm/routes.ts'
import type { WebsiteConfig } from './web/website.ts'

export type AppConfig = WebsiteConfig & {
  readonly address: AddressPolicy
  /** Whether anybody may read what is public; else only people with an account. */
  readonly anonymousRead: boolean
  /** What npm shows to everybody. */
  readonly notice?: string | undefined
  /** Bytes kept in memory. */
  readonly cache: { readonly packuments: number; readonly tarballs: number }
}

export type App = { handle(request: IncomingMessage, response: ServerResponse): void }

const envelopes: Readonly<Record<Door, Envelope>> = {
  npm: npmEnvelope,
  entropic: entropicEnvelope,
  web: async (fault, ctx) => (await import('./web/errors.ts')).webEnvelope(fault, ctx),
}

/** Plugs the doors together; no port is opened here. */
export function createApp({
  registry,
  config,
  log,
}: {
  registry: Registry
  config: AppConfig
  log: Log
}): App {
  const callers = new Callers(registry)
  const reads = new Reads(registry, config.cache)
  const gate = new Gate({ isClosed: !config.anonymousRead })
  const address = (request: IncomingMessage) => publicAddress(request, config.address)
  const who = (request: IncomingMessage) => callers.who(request, clientAddress(request, config.address))
  const koa = new Koa({ proxy: config.address.trustProxy, maxIpsCount: 1 }) // ctx.ip, as clientAddress has it
  const base = basePathOf(config.address.publicUrl)
  koa.use(identify({ who, address, base }))
  koa.use(catchFaults(log, (fault, ctx) => envelopes[ctx.state.door as Door](fault, ctx)))
  koa.use(refuseHidden)
  koa.use(async (ctx, next) => {
    const failure = hotFailure(ctx.req)
    if (failure !== undefined) throw failure
    await next()
  })
  koa.use(
    onlyAt(
      'web',
      lazily(async () =>
        (await import('./web/website.ts')).website(koa, registry, { ...config, gate, base }),
      ),
    ),
  )
  // Pages have sessions, so theirs is a gate behind those.
  koa.use((ctx, next) => (ctx.state.door === 'web' ? next() : gate.middleware(ctx, next)))
  koa.use(onlyAt('entropic', entropicRoutes({ registry }).routes()))
  koa.use(
    onlyAt('npm', npmRoutes({ registry, reads, signUp: config.signUp, notice: config.notice }).routes()),
  )
  koa.use((ctx) => {
    throw new Fault('NOT_FOUND', { what: `${ctx.method} ${ctx.path}` })
  })
  koa.on('error', (error: unknown) => {
    if (!isClientGone(error)) log.error({ err: error }, 'a reply failed')
  })
  const ordinary = koa.callback()
  const answer = (request: IncomingMessage, response: ServerResponse) => {
    const done = answerHot(request, response, { reads, gate, who, address })
    if (done === false) return void ordinary(request, response)
    if (done !== true) done.then((it) => void (it || ordinary(request, response)))
  }
  return {
    handle(request, response) {
      if (!toOriginForm(request)) return refuse(response, 400, 'The request target is no path.')
      if (isMisled(request, config.address)) return refuse(response, 421, misledTo(config.address.fallback()))
      if (base !== '') request.url = withoutBase(base, request.url ?? '/', request.headers)
      inTurn(request, response, () => comingVia(request.headers.via, () => answer(request, response)))
    },
  }
}

/** A proxy's absolute target (RFC 9112 §3.2.2) becomes a path. False for what is no target at all. */
function toOriginForm(request: IncomingMessage): boolean {
  const { url = '/' } = request
  if (url.startsWith('/')) return true
  if (!URL.canParse(url)) return url === '*'
  const { pathname, search } = new URL(url)
  request.url = pathname + search
  return true
}

function misledTo(address: string): string {
  return `Only this machine may use this registry, at ${address}. To reach it by another name, set EXTERNAL_HOST to its address.`
}

/** Before any door is known. */
function refuse(response: ServerResponse, status: number, error: string): void {
  response.writeHead(status, { 'content-type': 'application/json' })
  response.end(JSON.stringify({ error }))
}

/** The first middleware: which door, which path it sees, who asks, under which id. */
function identify(deps: {
  who: (request: IncomingMessage) => Context['state']['who']
  address: (request: IncomingMessage) => string
  base: string
}): Middleware {
  return async (ctx, next) => {
    const { path: raw, query } = splitUrl(ctx.req.url ?? '/')
    const { door, path } = doorOf(raw, ctx.req.headers)
    ctx.state.door = door
    ctx.state.id = requestId()
    ctx.state.who = deps.who(ctx.req)
    ctx.state.base = deps.base
    ctx.state.root = deps.address(ctx.req)
    ctx.state.address = ctx.state.root + (path === raw ? '' : NPM_PREFIX)
    ctx.set('x-request-id', ctx.state.id)
    ctx.url = (door === 'npm' ? canonicalPath(path) : path) + query
    await next()
  }
}

/** Nothing but a package is ever put right below the root. */
const refuseHidden: Middleware = (ctx, next) => {
  const spec = ctx.method === 'PUT' ? hiddenName(splitUrl(ctx.originalUrl).path, ctx.req.headers) : undefined
  if (spec === undefined) return next()
  const why = `this name is a route here; the package is published and read under ${ctx.state.root}${NPM_PREFIX}/`
  throw new Fault('PACKAGE_NOT_FOUND', { spec, why })
}

/** Loaded with the first request that needs it: package managers never ask for a page. */
function lazily(load: () => Promise<Middleware>): Middleware {
  let loading: Promise<Middleware> | undefined
  return async (ctx, next) => {
    loading ??= load()
    const loaded = await loading
    return loaded(ctx, next)
  }
}

/** A router's middleware is typed for its own context, a richer Koa one. */
function onlyAt(door: Door, middleware: Middleware | ReturnType<Router['routes']>): Middleware {
  const run = middleware as Middleware
  return (ctx, next) => (ctx.state.door === door ? run(ctx, next) : next())
}
