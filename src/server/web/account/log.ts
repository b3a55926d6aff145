import type { Context } from 'koa'
import type { User } from '../../../registry/model.ts'
import { www } from '../../http/local.ts'
import { auditTable, beforeOf } from '../audit-table.ts'
import { html } from '../html.ts'
import { page } from '../layout.ts'
import type { AccountDoor } from './parts.ts'
import { accountTabs } from './tabs.ts'

const PATH = www('account', 'log')

/** `GET /www/account/log`: what this account did, newest first. */
export async function showLog(ctx: Context, { registry }: AccountDoor, user: User): Promise<void> {
  const entries = await registry.audit.list({ actor: user.name, ...beforeOf(ctx.query.before) })
  await page(ctx, {
    title: 'Log',
    body: html`<h1>Log</h1>${accountTabs('log')}${auditTable(entries, (before) => PATH.with({ before }))}`,
  })
}
