import type { Context } from 'koa'
import { Fault } from '../../base/fault.ts'
import { fromNpmName } from '../../base/name.ts'
import type { User } from '../../registry/model.ts'
import type { Registry } from '../../registry/registry.ts'
import { www } from '../http/local.ts'
import { seeOther, takeNotice } from './account/parts.ts'
import { accountTabs } from './account/tabs.ts'
import type { WebDoor } from './door.ts'
import { type Html, html } from './html.ts'
import { page } from './layout.ts'
import { namespacePath, packagePath } from './paths.ts'
import { formKey, readForm } from './session.ts'

const PATH = www('invitations')

/** To join a namespace, or, for one's namespace, to maintain a package. */
type Invitation = { readonly namespace: string; readonly npmName?: string }

/** `GET /www/invitations`: what one was invited to and has not answered. */
export async function invitationsPage(ctx: Context, { registry }: WebDoor): Promise<void> {
  const open = await openOf(registry, await user(ctx, registry))
  const body = html`<h1>Invitations</h1>${accountTabs('invitations')}${takeNotice(ctx)}
${open.length === 0 ? html`<div class="empty"><h2>None waits for you</h2><p>Who wants you in a namespace, or as a maintainer, invites you by your name.</p></div>` : open.map((it) => card(ctx, it))}`
  await page(ctx, { title: 'Invitations', body })
}

/** `POST /www/invitations`. NOT_FOUND when it was answered or taken back meanwhile. */
export async function answerInvitation(ctx: Context, { registry }: WebDoor): Promise<void> {
  const caller = await user(ctx, registry)
  const form = await readForm(ctx)
  const namespace = form.get('namespace') ?? ''
  const npmName = form.get('package')
  const answer = form.get('answer')
  if (answer !== 'accept' && answer !== 'decline')
    throw new Fault('BAD_REQUEST', { why: 'Accept or decline.' })
  if (npmName === null) await registry.namespaces[answer](caller, namespace)
  else await registry.maintainers[answer](caller, fromNpmName(npmName), { namespace })
  seeOther(ctx, PATH, answer === 'accept' ? 'Accepted.' : 'Declined.')
}

async function user(ctx: Context, registry: Registry): Promise<User> {
  return registry.access.writer(await ctx.state.who())
}

async function openOf({ namespaces, maintainers }: Registry, caller: User): Promise<Invitation[]> {
  const [invited, own] = await Promise.all([
    namespaces.invitationsOf(caller, caller.name),
    namespaces.of(caller.name),
  ])
  const packages = await Promise.all(
    own.map(async (namespace) =>
      (await maintainers.invitationsOf(caller, namespace)).map(({ npmName }) => ({ namespace, npmName })),
    ),
  )
  return [...invited.map((namespace) => ({ namespace })), ...packages.flat()]
}

function card(ctx: Context, { namespace, npmName }: Invitation): Html {
  const name = html`<a class="mono" href="${namespacePath(namespace)}">${namespace}</a>`
  const what =
    npmName === undefined
      ? html`Join the namespace ${name}`
      : html`Maintain <a class="mono" href="${packagePath(npmName)}">${npmName}</a> as ${name}`
  return html`<form class="card" method="post" action="${PATH}">${formKey(ctx)}
<p>${what}</p>
<input type="hidden" name="namespace" value="${namespace}">${npmName !== undefined && html`<input type="hidden" name="package" value="${npmName}">`}
<div class="row"><button name="answer" value="accept">Accept</button> <button class="quiet" name="answer" value="decline">Decline</button></div>
</form>`
}
