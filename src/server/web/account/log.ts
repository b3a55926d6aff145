import type { Context } from 'koa'
import { iso } from '../../../base/time.ts'
import type { User } from '../../../registry/model.ts'
import { html } from '../html.ts'
import { page } from '../layout.ts'
import type { AccountDoor } from './parts.ts'
import { accountTabs } from './tabs.ts'

/** `GET /www/account/log`: what this account did, newest first. */
export async function showLog(ctx: Context, { registry }: AccountDoor, user: User): Promise<void> {
  const before = Number(ctx.query.before)
  const entries = await registry.audit.list({
    actor: user.name,
    ...(Number.isSafeInteger(before) && before > 0 && { before }),
  })
  const last = entries.at(-1)
  const body = html`<h1>Log</h1>
${accountTabs('log')}
<div class="scroll" tabindex="0" role="region" aria-label="What your account did"><table>
  <thead><tr><th scope="col">When</th><th scope="col">What</th><th scope="col">To</th><th scope="col">From</th></tr></thead>
  <tbody>${entries.map(
    ({ at, action, subject, address }) => html`
    <tr><td class="nowrap">${iso(at)}</td><td>${action}</td><td>${subject}</td><td>${address === '' ? 'this machine' : address}</td></tr>`,
  )}
  </tbody>
</table></div>
${last && last.seq > 1 && html`<p class="pages"><a href="/www/account/log?before=${last.seq}">Older</a></p>`}`
  await page(ctx, { title: 'Log', body })
}
