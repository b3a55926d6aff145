import type { Context } from 'koa'
import { Fault } from '../../base/fault.ts'
import type { Registry } from '../../registry/registry.ts'
import { beginLogin, pollLogin } from '../http/cli-login.ts'
import { json } from '../http/json.ts'
import { message } from './document.ts'
import type { Route } from './route.ts'

/** The original answers a ping with the name of a ship, another one for each process; this one has a few in its berths. */
const SHIPS = [
  'GCU It Was Here When I Looked',
  'GSV Immutable Once Published',
  'ROU Works On Every Machine',
  'GCU Semantically Versioned',
  'VFP Pinned Exactly',
  'GSV No Strings Attached But Streams',
]
const SHIP = SHIPS[Math.floor(Math.random() * SHIPS.length)] ?? ''

export const serviceRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/ping',
    summary: 'Tells that the registry is there, by the name of a ship.',
    answers: { 200: 'Text' },
    handle: async (ctx, registry) => {
      await registry.ready()
      ctx.type = 'text/plain'
      ctx.body = SHIP
    },
  },
  {
    method: 'GET',
    path: '/auth/whoami',
    summary: 'The account that the token belongs to.',
    answers: { 200: 'Username' },
    handle: whoami,
  },
  {
    method: 'POST',
    path: '/auth/login',
    summary: 'Begins a login in the browser: a person opens `loginUrl`, the program polls `doneUrl`.',
    answers: { 200: 'Login' },
    handle: (ctx, registry) =>
      beginLogin(ctx, registry, (poll) => `${ctx.state.address}/v1/auth/login/ready?session=${poll}`),
  },
  {
    method: 'GET',
    path: '/auth/login/ready',
    summary: 'Tells whether the login was allowed, and hands its token out, once.',
    query: { session: 'From the `doneUrl` of `POST /auth/login`.' },
    answers: { 200: 'Token', 202: 'Pending' },
    handle: (ctx, registry) => pollLogin(ctx, registry, String(ctx.query.session)),
  },
  {
    method: 'POST',
    path: '/auth/logout',
    summary: 'Revokes the token that is sent.',
    answers: { 200: 'Message' },
    handle: logout,
  },
]

async function whoami(ctx: Context): Promise<void> {
  const caller = await ctx.state.who()
  if (caller.kind === 'anonymous') throw new Fault('UNAUTHENTICATED', {})
  json(ctx, 200, { username: caller.name })
}

async function logout(ctx: Context, registry: Registry): Promise<void> {
  const caller = await ctx.state.who()
  if (caller.kind === 'anonymous') throw new Fault('UNAUTHENTICATED', {})
  if (caller.tokenId !== undefined) await registry.tokens.revoke(caller.tokenId)
  message(ctx, `${caller.name} is logged out.`)
}
