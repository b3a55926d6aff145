import type { Context } from 'koa'
import type { Invitee } from '../../registry/maintainers.ts'
import type { Registry } from '../../registry/registry.ts'
import { param } from '../http/json.ts'
import { document, message } from './document.ts'
import { packageDocument } from './documents.ts'
import { wordings } from './messages.ts'
import { PAGE_QUERY, paged, STATUS_QUERY, wantsPending } from './page.ts'
import type { Route } from './route.ts'
import { NAMESPACE, nameIn, PACKAGE, packageOf, specIn } from './targets.ts'

/** Every path at which any `ds` ever answered an invitation to maintain a package. */
const ANSWERS = [
  `${PACKAGE}/invitation/:member`,
  `${PACKAGE}/maintainers/:member/invitation`,
  // By the id that a link carries, as the original's documents promised.
  `${PACKAGE}/maintainers/:member/:invitation`,
  '/namespaces/namespace/:member/maintainerships/:namespace/:name',
]

export const maintainerRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: `${PACKAGE}/maintainers`,
    summary: 'The namespaces that maintain a package.',
    answers: { 200: 'Names', 304: '' },
    query: PAGE_QUERY,
    wording: wordings.maintainer,
    handle: async (ctx, registry) => {
      const names = await registry.maintainers.list(ctx.state.who, packageOf(ctx, registry))
      document(ctx, await paged(ctx, names, (name) => name))
    },
  },
  {
    method: 'POST',
    path: `${PACKAGE}/maintainers/:member`,
    summary: 'Invites a namespace to maintain a package.',
    answers: { 200: 'Message' },
    wording: wordings.maintainerInvite,
    handle: invite,
  },
  {
    method: 'DELETE',
    path: `${PACKAGE}/maintainers/:member`,
    summary: 'Removes a maintainer, or takes its invitation back. The last one stays.',
    answers: { 200: 'Message' },
    wording: wordings.maintainer,
    handle: async (ctx, registry) => {
      const member = nameIn(ctx, registry, 'member')
      await registry.maintainers.remove(await ctx.state.who(), packageOf(ctx, registry), member)
      message(ctx, `${member} removed as maintainer of ${specIn(ctx, registry)}.`)
    },
  },
  ...ANSWERS.flatMap(answerRoutes),
  {
    method: 'GET',
    path: `${NAMESPACE}/maintainerships`,
    summary: 'The packages a namespace maintains; to its members also those it is invited to.',
    answers: { 200: 'Packages', 304: '' },
    query: { ...PAGE_QUERY, ...STATUS_QUERY },
    wording: wordings.namespace,
    handle: (ctx, registry) => (wantsPending(ctx) ? listPending(ctx, registry) : listActive(ctx, registry)),
  },
  {
    method: 'GET',
    path: `${NAMESPACE}/maintainerships/pending`,
    summary: 'The packages a namespace is invited to maintain.',
    answers: { 200: 'Packages', 304: '' },
    query: PAGE_QUERY,
    wording: wordings.namespace,
    handle: listPending,
  },
]

function answerRoutes(path: string): Route[] {
  const shared = { path, answers: { 200: 'Message' }, wording: wordings.maintainerAnswer }
  return [
    { method: 'POST', summary: 'Accepts an invitation to maintain a package.', handle: accept, ...shared },
    {
      method: 'DELETE',
      summary: 'Declines an invitation to maintain a package.',
      handle: decline,
      ...shared,
    },
  ]
}

async function invite(ctx: Context, registry: Registry): Promise<void> {
  const member = nameIn(ctx, registry, 'member')
  const spec = specIn(ctx, registry)
  const sentences = {
    invited: `${member} invited to join the maintainers of ${spec}.`,
    pending: `${member} has already been invited to maintain ${spec}.`,
    accepted: `${member} is already a maintainer of ${spec}.`,
  }
  const name = packageOf(ctx, registry)
  const { state, id } = await registry.maintainers.invite(await ctx.state.who(), name, member)
  // In a header, since the body is the original's to the byte.
  if (id !== undefined) ctx.set('link', `<${ctx.state.address}${ctx.path}/${id}>; rel="invitation"`)
  message(ctx, sentences[state])
}

async function accept(ctx: Context, registry: Registry): Promise<void> {
  const member = nameIn(ctx, registry, 'member')
  await registry.maintainers.accept(await ctx.state.who(), packageOf(ctx, registry), inviteeIn(ctx, member))
  message(ctx, `${member} is now a maintainer for ${specIn(ctx, registry)}`)
}

async function decline(ctx: Context, registry: Registry): Promise<void> {
  const member = nameIn(ctx, registry, 'member')
  await registry.maintainers.decline(await ctx.state.who(), packageOf(ctx, registry), inviteeIn(ctx, member))
  message(ctx, `You have declined the invitation for ${member} to join ${specIn(ctx, registry)}`)
}

function inviteeIn(ctx: Context, namespace: string): Invitee {
  return ctx.params.invitation === undefined ? { namespace } : { namespace, id: param(ctx, 'invitation') }
}

async function listActive(ctx: Context, registry: Registry): Promise<void> {
  const heads = await registry.maintainers.packagesOf(ctx.state.who, nameIn(ctx, registry, 'namespace'))
  document(ctx, await paged(ctx, heads, (head) => packageDocument(registry, head)))
}

async function listPending(ctx: Context, registry: Registry): Promise<void> {
  const namespace = nameIn(ctx, registry, 'namespace')
  const heads = await registry.maintainers.invitationsOf(await ctx.state.who(), namespace)
  document(ctx, await paged(ctx, heads, (head) => packageDocument(registry, head)))
}
