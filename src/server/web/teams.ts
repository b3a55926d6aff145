import type { Context } from 'koa'
import { type Fault, fail } from '../../base/fault.ts'
import { EVERYBODY, fromNpmName } from '../../base/name.ts'
import type { Grant } from '../../registry/grants.ts'
import type { Caller } from '../../registry/model.ts'
import type { Registry } from '../../registry/registry.ts'
import type { Team, TeamKey } from '../../registry/teams.ts'
import { param } from '../http/json.ts'
import { field, problemNote, problemOf, seeOther, takeNotice } from './account/parts.ts'
import type { WebDoor } from './door.ts'
import { type Html, html } from './html.ts'
import { page } from './layout.ts'
import { count } from './parts.ts'
import { namespacePath, packagePath, teamPath, userPath } from './paths.ts'
import { namespacePage } from './people.ts'
import { formKey, readForm } from './session.ts'

const PERMISSIONS = { read: 'read', write: 'read and publish' } as const

type Act = {
  readonly registry: Registry
  readonly caller: Caller
  readonly key: TeamKey
  readonly form: URLSearchParams
}

/** What the forms of a team's page do; each resolves to what the next page says. */
const DEEDS: ReadonlyMap<string | null, (act: Act) => Promise<string>> = new Map([
  ['add', addMember],
  ['remove', removeMember],
  ['grant', giveGrant],
  ['revoke', takeGrant],
  ['destroy', destroyTeam],
])

/** `GET /www/namespace/:name/team/:team`: its members and packages, and for the namespace's owners what can be done to them. */
export function teamPage(ctx: Context, door: WebDoor): Promise<void> {
  return show(ctx, door)
}

/** `POST /www/namespace/:name/team`. */
export async function createTeam(ctx: Context, door: WebDoor): Promise<void> {
  const caller = door.registry.access.writer(await ctx.state.who())
  const form = await readForm(ctx)
  const key = { namespace: param(ctx, 'name'), team: form.get('team')?.trim() ?? '' }
  const problem = await problemOf(() => door.registry.teams.create(caller, key))
  if (problem) return namespacePage(ctx, door, problem)
  seeOther(ctx, teamPath(key.namespace, key.team), 'The team is made. Add its members.')
}

/** `POST /www/namespace/:name/team/:team`: one deed. */
export async function changeTeam(ctx: Context, door: WebDoor): Promise<void> {
  const { registry } = door
  const caller = registry.access.writer(await ctx.state.who())
  const form = await readForm(ctx)
  const name = form.get('deed')
  const deed = DEEDS.get(name) ?? fail('BAD_REQUEST', { why: 'There is nothing like this to do.' })
  const key = keyOf(ctx)
  let done = ''
  const problem = await problemOf(async () => {
    done = await deed({ registry, caller, key, form })
  })
  if (problem) return show(ctx, door, problem)
  seeOther(ctx, name === 'destroy' ? namespacePath(key.namespace) : teamPath(key.namespace, key.team), done)
}

async function addMember({ registry, caller, key, form }: Act): Promise<string> {
  const member = textIn(form, 'member')
  await registry.teams.add(caller, key, member)
  return `${member} is in the team.`
}

async function removeMember({ registry, caller, key, form }: Act): Promise<string> {
  const member = textIn(form, 'member')
  await registry.teams.remove(caller, key, member)
  return `${member} has left the team.`
}

async function giveGrant({ registry, caller, key, form }: Act): Promise<string> {
  const text = textIn(form, 'package')
  const permission = form.get('permission') === 'write' ? 'write' : 'read'
  await registry.grants.give(caller, key, { name: fromNpmName(text), permission })
  return `The team may ${PERMISSIONS[permission]} ${text}.`
}

async function takeGrant({ registry, caller, key, form }: Act): Promise<string> {
  const text = textIn(form, 'package')
  await registry.grants.take(caller, key, fromNpmName(text))
  return `The team’s right to ${text} is taken back.`
}

async function destroyTeam({ registry, caller, key }: Act): Promise<string> {
  await registry.teams.destroy(caller, key)
  return `The team ${key.team} is no more.`
}

async function show(ctx: Context, door: WebDoor, problem?: Fault): Promise<void> {
  const { registry } = door
  const key = keyOf(ctx)
  const caller = await ctx.state.who()
  const team = await registry.teams.find(caller, key)
  const grants = await registry.grants.ofTeam(ctx.state.who, key)
  const isOwner = (await registry.teams.standing(caller, key.namespace)) === 'owner'
  const isOwn = isOwner && key.team !== EVERYBODY
  const others = isOwn ? await othersIn(registry, key.namespace, team) : []
  const body = html`<p class="mono"><a href="${namespacePath(key.namespace)}">${key.namespace}</a></p>
<h1>Team <span class="mono">${key.team}</span></h1>
${takeNotice(ctx)}${problemNote(problem)}
${key.team === EVERYBODY && html`<p class="soft">All members of the namespace, and nobody else. They manage what it maintains.</p>`}
<div class="columns">
<section aria-labelledby="members"><h2 id="members">${count(team.members.length, 'member')}</h2>
${memberTable(ctx, key, { team, isOwn })}${isOwn && addForm(ctx, key, others)}</section>
<section aria-labelledby="packages"><h2 id="packages">${count(grants.length, 'package')}</h2>
${grantTable(ctx, key, { grants, isOwner })}${isOwn && grantForm(ctx, key)}</section>
</div>
${isOwn && destroyForm(ctx, key)}`
  const title = `Team ${key.team} of ${key.namespace}`
  await page(ctx, { title, body, status: problem?.status ?? 200 })
}

async function othersIn({ namespaces }: Registry, namespace: string, { members }: Team): Promise<string[]> {
  return (await namespaces.members(namespace)).filter((name) => !members.includes(name))
}

function memberTable(ctx: Context, key: TeamKey, { team, isOwn }: { team: Team; isOwn: boolean }): Html {
  if (team.members.length === 0) return html`<p class="soft">Nobody yet.</p>`
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Members"><table>
<thead><tr><th scope="col">Name</th>${isOwn && html`<th scope="col"><span class="hidden">Remove</span></th>`}</tr></thead>
<tbody>${team.members.map(
    (name) => html`<tr><th scope="row"><a href="${userPath(name)}">${name}</a></th>
${isOwn && html`<td class="number">${button(ctx, key, { deed: 'remove', title: 'Remove', about: { name: 'member', value: name } })}</td>`}</tr>`,
  )}</tbody></table></div>`
}

function grantTable(
  ctx: Context,
  key: TeamKey,
  { grants, isOwner }: { grants: readonly Grant[]; isOwner: boolean },
): Html {
  // What the namespace maintains is no grant.
  const isGrant = ({ permission }: Grant) => key.team !== EVERYBODY || permission === 'read'
  if (grants.length === 0) return html`<p class="soft">None that you may see.</p>`
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Packages"><table>
<thead><tr><th scope="col">Package</th><th scope="col">May</th>${isOwner && html`<th scope="col"><span class="hidden">Take back</span></th>`}</tr></thead>
<tbody>${grants.map((grant) => {
    const { npmName } = grant.head
    const about = { name: 'package', value: npmName }
    return html`<tr><th scope="row" class="break"><a class="mono" href="${packagePath(npmName)}">${npmName}</a></th><td>${PERMISSIONS[grant.permission]}</td>
${isOwner && html`<td class="number">${isGrant(grant) && button(ctx, key, { deed: 'revoke', title: 'Take back', about })}</td>`}</tr>`
  })}</tbody></table></div>`
}

type Button = {
  readonly deed: string
  readonly title: string
  readonly about: { readonly name: string; readonly value: string }
}

function button(ctx: Context, key: TeamKey, { deed, title, about }: Button): Html {
  return html`<form method="post" action="${teamPath(key.namespace, key.team)}">${formKey(ctx)}<input type="hidden" name="${about.name}" value="${about.value}"><button class="quiet" name="deed" value="${deed}" aria-label="${title}: ${about.value}">${title}</button></form>`
}

function addForm(ctx: Context, key: TeamKey, others: readonly string[]): Html {
  if (others.length === 0)
    return html`<p class="small soft">Every member of <span class="mono">${key.namespace}</span> is in it. Whoever joins the namespace can be added.</p>`
  return html`<form class="line card" method="post" action="${teamPath(key.namespace, key.team)}">${formKey(ctx)}
<div><label for="member">Add a member</label><select id="member" name="member">${others.map((name) => html`<option>${name}</option>`)}</select></div>
<button class="quiet" name="deed" value="add">Add</button></form>`
}

function grantForm(ctx: Context, key: TeamKey): Html {
  return html`<form class="stack card" method="post" action="${teamPath(key.namespace, key.team)}">${formKey(ctx)}
${field({ name: 'package', label: 'Grant a package', hint: 'One that you maintain, such as @kim/box.', required: true })}
<div><label for="permission">They may</label><select id="permission" name="permission">${Object.entries(PERMISSIONS).map(([value, title]) => html`<option value="${value}">${title}</option>`)}</select></div>
<button class="quiet" name="deed" value="grant">Grant</button></form>`
}

function destroyForm(ctx: Context, key: TeamKey): Html {
  return html`<details><summary>Destroy this team</summary>
<form method="post" action="${teamPath(key.namespace, key.team)}">${formKey(ctx)}
<p>Its members stay in the namespace; what it was granted is taken back.</p>
<button class="danger" name="deed" value="destroy">Destroy ${key.team}</button></form></details>`
}

function keyOf(ctx: Context): TeamKey {
  return { namespace: param(ctx, 'name'), team: param(ctx, 'team') }
}

function textIn(form: URLSearchParams, name: string): string {
  return form.get(name)?.trim() || fail('BAD_REQUEST', { why: `The form tells no ${name}.` })
}
