import type { Context } from 'koa'
import { fail } from '../../../base/fault.ts'
import type { User } from '../../../registry/model.ts'
import type { StagedVersion } from '../../../registry/stages.ts'
import { param } from '../../http/json.ts'
import { www } from '../../http/local.ts'
import { type Html, html } from '../html.ts'
import { page } from '../layout.ts'
import { moment, size } from '../parts.ts'
import { formKey, readForm } from '../session.ts'
import { type AccountDoor, seeOther, takeNotice } from './parts.ts'
import { accountTabs } from './tabs.ts'

const PATH = www('staged')

/** `GET /www/staged`: what waits for this account to approve it. */
export async function showStaged(ctx: Context, { registry }: AccountDoor, user: User): Promise<void> {
  const all = await registry.stages.list(user)
  const body = html`<h1>Staged versions</h1>
${accountTabs('staged')}
${takeNotice(ctx)}${all.length === 0 ? nothing : stagedTable(ctx, all)}`
  await page(ctx, { title: 'Staged versions', body })
}

/** `GET /www/staged/ID.tgz`: to look at it before. */
export async function sendStaged(ctx: Context, { registry }: AccountDoor, user: User): Promise<void> {
  const { size, bytes } = await registry.stages.tarball(user, param(ctx, 'id'))
  ctx.set({ 'cache-control': 'private, no-store', 'x-content-type-options': 'nosniff' })
  ctx.attachment(`${param(ctx, 'id')}.tgz`)
  ctx.type = 'application/octet-stream'
  ctx.length = size
  ctx.body = bytes
}

/** `POST /www/staged`. */
export async function judgeStaged(ctx: Context, { registry }: AccountDoor, user: User): Promise<void> {
  const form = await readForm(ctx)
  const id = form.get('id') ?? ''
  const { npmName, version } = await registry.stages.find(user, id)
  const verdict = form.get('verdict')
  if (verdict === 'approve') await registry.stages.approve(user, id)
  else if (verdict === 'reject') await registry.stages.reject(user, id)
  else fail('BAD_REQUEST', { why: 'Approve it or reject it.' })
  seeOther(ctx, PATH, `${npmName} ${version} is ${verdict === 'approve' ? 'published' : 'thrown away'}.`)
}

const nothing = html`<div class="empty"><h2>Nothing waits</h2><p>What <code>npm stage publish</code> sends stands here until somebody approves it.</p></div>`

function stagedTable(ctx: Context, all: readonly StagedVersion[]): Html {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Staged versions"><table>
  <thead><tr><th scope="col">Version</th><th scope="col">Tags</th><th scope="col">Staged by</th><th scope="col">When</th><th scope="col" class="number">Size</th><th><span class="hidden">Judge</span></th></tr></thead>
  <tbody>${all.map((one) => stagedRow(ctx, one))}
  </tbody>
</table></div>`
}

function stagedRow(ctx: Context, { id, npmName, version, tags, ...rest }: StagedVersion): Html {
  const judge = (verdict: string, label: string, look: string) =>
    html`<button${look !== '' && html` class="${look}"`} name="verdict" value="${verdict}" aria-label="${label} ${npmName} ${version}">${label}</button>`
  return html`
    <tr><th scope="row"><a class="mono" href="${PATH.at(`${id}.tgz`)}">${npmName} ${version}</a></th><td>${tags.join(', ')}</td>
    <td>${rest.account}${rest.byBuild && html` <span class="soft">by a trusted build</span>`}</td><td>${moment(rest.createdAt)}</td><td class="number">${size(rest.size)}</td>
    <td><form method="post" action="${PATH}">${formKey(ctx)}<input type="hidden" name="id" value="${id}">${judge('approve', 'Approve', '')} ${judge('reject', 'Reject', 'quiet')}</form></td></tr>`
}
