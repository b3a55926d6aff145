import type { Context } from 'koa'
import type { Grant } from '../../registry/grants.ts'
import type { Team } from '../../registry/teams.ts'
import { field, takeNotice } from './account/parts.ts'
import type { WebDoor } from './door.ts'
import { type Html, html } from './html.ts'
import { packagePath, teamPath, teamsPath, userPath } from './paths.ts'
import { formKey } from './session.ts'

/** Members and packages of a team that a line of the list shows; its own page has them all. */
const SHOWN = 6

/** The teams of a namespace, for its members; its owners can make one. */
export async function teamsSection(
  ctx: Context,
  { registry }: WebDoor,
  namespace: string,
): Promise<Html | undefined> {
  const caller = await ctx.state.who()
  const standing = await registry.teams.standing(caller, namespace)
  if (standing === undefined) return undefined
  const teams = await registry.teams.list(caller, namespace)
  const grants = await registry.grants.byTeam(ctx.state.who, namespace)
  return html`<section aria-labelledby="teams"><h2 id="teams">Teams</h2>
${takeNotice(ctx)}<div class="scroll" tabindex="0" role="region" aria-label="Teams of ${namespace}"><table>
<thead><tr><th scope="col">Team</th><th scope="col">Members</th><th scope="col">Packages</th></tr></thead>
<tbody>${teams.map((team) => line(namespace, team, grants.get(team.name) ?? []))}</tbody></table></div>
${standing === 'owner' && createForm(ctx, namespace)}</section>`
}

function line(namespace: string, { name, members }: Team, grants: readonly Grant[]): Html {
  return html`<tr><th scope="row"><a class="mono" href="${teamPath(namespace, name)}">${name}</a></th>
<td>${few(members.map((member) => html`<a href="${userPath(member)}">${member}</a>`))}</td>
<td class="break">${few(grants.map(({ head }) => html`<a class="mono" href="${packagePath(head.npmName)}">${head.npmName}</a>`))}</td></tr>`
}

function few(all: readonly Html[]): Html {
  if (all.length === 0) return html`<span class="soft">none</span>`
  const shown = all.slice(0, SHOWN).map((one, at) => html`${at > 0 && ', '}${one}`)
  return html`${shown}${all.length > SHOWN && html` <span class="soft">and ${all.length - SHOWN} more</span>`}`
}

function createForm(ctx: Context, namespace: string): Html {
  return html`<form class="stack card" method="post" action="${teamsPath(namespace)}">${formKey(ctx)}
${field({ name: 'team', label: 'New team', hint: 'Lower-case letters, digits, “.”, “_” and “-”.', required: true })}
<button class="quiet">Make the team</button></form>`
}
