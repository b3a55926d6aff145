import type { Context } from 'koa'
import { Fault } from '../../base/fault.ts'
import type { Registry } from '../../registry/registry.ts'
import { readObject } from '../http/body.ts'
import { json, param } from '../http/json.ts'
import { document, message } from './document.ts'
import { wordings } from './messages.ts'
import { PAGE_QUERY, paged, STATUS_QUERY, wantsPending } from './page.ts'
import type { Route } from './route.ts'
import { NAMESPACE, nameIn } from './targets.ts'

const SMALL_BODY = 64 * 1024

/** Every path at which any `ds` ever answered an invitation to a namespace. */
const ANSWERS = [
  `${NAMESPACE}/members/invitation`,
  `${NAMESPACE}/members/:user/invitation`,
  '/users/user/memberships/invitations/:namespace',
  '/users/user/:user/memberships/:namespace',
]

export const namespaceRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: '/namespaces',
    summary: 'Every namespace of this registry.',
    answers: { 200: 'Names', 304: '' },
    query: PAGE_QUERY,
    handle: async (ctx, registry) =>
      document(ctx, await paged(ctx, await registry.namespaces.list(), (name) => name)),
  },
  {
    method: 'POST',
    path: '/namespaces',
    summary: 'Makes a namespace, owned by whoever makes it.',
    answers: { 201: 'Namespace' },
    body: 'NewNamespace',
    handle: create,
  },
  {
    method: 'GET',
    path: `${NAMESPACE}/members`,
    summary: 'The users that make up a namespace.',
    answers: { 200: 'Names', 304: '' },
    query: PAGE_QUERY,
    wording: wordings.namespace,
    handle: async (ctx, registry) => {
      const members = await registry.namespaces.members(nameIn(ctx, registry, 'namespace'))
      document(ctx, await paged(ctx, members, (name) => name))
    },
  },
  // Before the row below: an invitation is answered here, and nobody called so is invited.
  ...ANSWERS.flatMap(answerRoutes),
  {
    method: 'POST',
    path: `${NAMESPACE}/members/:user`,
    summary: 'Invites a user to a namespace.',
    answers: { 200: 'Message' },
    wording: wordings.member,
    handle: invite,
  },
  {
    method: 'DELETE',
    path: `${NAMESPACE}/members/:user`,
    summary: 'Removes a member, or takes an invitation back. The last member stays.',
    answers: { 200: 'Message' },
    wording: wordings.namespace,
    handle: async (ctx, registry) => {
      const user = nameIn(ctx, registry, 'user')
      await registry.namespaces.remove(await ctx.state.who(), nameIn(ctx, registry, 'namespace'), user)
      message(ctx, `${user} removed from ${param(ctx, 'namespace')}.`)
    },
  },
  ...['/users/user/:user', '/namespaces/namespace/:user'].flatMap(membershipRoutes),
]

function answerRoutes(path: string): Route[] {
  const shared = { path, answers: { 200: 'Message' }, wording: wordings.memberAnswer }
  return [
    { method: 'POST', summary: 'Accepts an invitation to a namespace.', handle: accept, ...shared },
    { method: 'DELETE', summary: 'Declines an invitation to a namespace.', handle: decline, ...shared },
  ]
}

function membershipRoutes(user: string): Route[] {
  const shared = { method: 'GET', answers: { 200: 'Named', 304: '' }, wording: wordings.user } as const
  return [
    {
      ...shared,
      path: `${user}/memberships`,
      summary: 'The namespaces a user belongs to; to that user also those it is invited to.',
      query: { ...PAGE_QUERY, ...STATUS_QUERY },
      handle: (ctx, registry) => (wantsPending(ctx) ? listPending(ctx, registry) : listActive(ctx, registry)),
    },
    {
      ...shared,
      path: `${user}/memberships/pending`,
      summary: 'The namespaces a user is invited to.',
      query: PAGE_QUERY,
      handle: listPending,
    },
  ]
}

async function create(ctx: Context, registry: Registry): Promise<void> {
  const caller = await ctx.state.who()
  registry.access.writer(caller)
  const { name } = await readObject(ctx.req, SMALL_BODY)
  if (typeof name !== 'string')
    throw new Fault('BAD_REQUEST', { why: 'the body must be a JSON object like {"name": "team"}' })
  json(ctx, 201, { name: await registry.namespaces.create(caller, name) })
}

async function invite(ctx: Context, registry: Registry): Promise<void> {
  const user = nameIn(ctx, registry, 'user')
  const namespace = param(ctx, 'namespace')
  const sentences = {
    invited: `${user} invited to join ${namespace}.`,
    pending: `${user} has already been invited to join ${namespace}.`,
    accepted: `${user} is already a member of ${namespace}.`,
  }
  const name = nameIn(ctx, registry, 'namespace')
  message(ctx, sentences[await registry.namespaces.invite(await ctx.state.who(), name, user)])
}

async function accept(ctx: Context, registry: Registry): Promise<void> {
  const caller = await ctx.state.who()
  await registry.namespaces.accept(caller, nameIn(ctx, registry, 'namespace'), userIn(ctx, registry))
  message(ctx, `${caller.name} is now a member of ${param(ctx, 'namespace')}`)
}

async function decline(ctx: Context, registry: Registry): Promise<void> {
  const caller = await ctx.state.who()
  await registry.namespaces.decline(caller, nameIn(ctx, registry, 'namespace'), userIn(ctx, registry))
  message(ctx, `You have declined the invitation to join ${param(ctx, 'namespace')}`)
}

/** Some spellings name the user, who is the caller in all of them. */
function userIn(ctx: Context, registry: Registry): string | undefined {
  return ctx.params.user === undefined ? undefined : nameIn(ctx, registry, 'user')
}

async function listActive(ctx: Context, registry: Registry): Promise<void> {
  const names = await registry.namespaces.of(nameIn(ctx, registry, 'user'))
  document(ctx, await paged(ctx, names, (name) => ({ name })))
}

async function listPending(ctx: Context, registry: Registry): Promise<void> {
  const names = await registry.namespaces.invitationsOf(await ctx.state.who(), nameIn(ctx, registry, 'user'))
  document(ctx, await paged(ctx, names, (name) => ({ name })))
}
