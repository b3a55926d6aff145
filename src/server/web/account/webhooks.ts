import type { Context } from 'koa'
import { type Fault, fail } from '../../../base/fault.ts'
import type { User } from '../../../registry/model.ts'
import { type Delivery, WEBHOOK_KINDS, type Webhook } from '../../../registry/webhooks.ts'
import { param } from '../../http/json.ts'
import { www } from '../../http/local.ts'
import { type Html, html } from '../html.ts'
import { page } from '../layout.ts'
import { lineToCopy, moment } from '../parts.ts'
import { formKey, readForm } from '../session.ts'
import { type AccountDoor, field, problemNote, problemOf, seeOther, takeNotice } from './parts.ts'
import { accountTabs } from './tabs.ts'

const PATH = www('webhooks')
const KINDS = {
  package: 'one package',
  scope: 'every package of a namespace',
  owner: 'every package that a namespace maintains',
  registry: 'every package here (administrators)',
} as const

/** `GET /www/webhooks`. */
export async function showWebhooks(ctx: Context, door: AccountDoor, user: User): Promise<void> {
  await webhooksPage(ctx, door, { user })
}

/** `POST /www/webhooks`. The secret is on the answer's page and nowhere else. */
export async function addWebhook(ctx: Context, door: AccountDoor, user: User): Promise<void> {
  const form = await readForm(ctx)
  let secret: string | undefined
  const problem = await problemOf(async () => {
    const kind = WEBHOOK_KINDS.find((it) => it === form.get('kind'))
    if (!kind) return fail('BAD_REQUEST', { why: 'Choose what the webhook hears of.' })
    const target = { kind, name: form.get('name')?.trim() ?? '' }
    const made = await door.registry.webhooks.add(user, { ...target, url: form.get('url')?.trim() ?? '' })
    secret = made.secret
  })
  await webhooksPage(ctx, door, { user, secret, problem })
}

/** `GET /www/webhooks/ID`: what was sent, and how that went. */
export async function showWebhook(ctx: Context, { registry }: AccountDoor, user: User): Promise<void> {
  const webhook = await registry.webhooks.find(user, param(ctx, 'id'))
  const deliveries = await registry.webhooks.deliveries(user, webhook.id)
  const body = html`<h1>Webhook</h1>
${accountTabs('webhooks')}
${takeNotice(ctx)}<p>${targetOf(webhook)} → <span class="mono">${webhook.url}</span></p>
${deliveries.length === 0 ? nothingSent : deliveryTable(ctx, webhook, deliveries)}
<form method="post" action="${PATH.at(webhook.id, 'remove')}">${formKey(ctx)}<button class="quiet">Remove this webhook</button></form>`
  await page(ctx, { title: 'Webhook', body })
}

/** `POST /www/webhooks/ID/redeliver`. */
export async function redeliver(ctx: Context, { registry }: AccountDoor, user: User): Promise<void> {
  const form = await readForm(ctx)
  const id = param(ctx, 'id')
  await registry.webhooks.redeliver(user, id, form.get('delivery') ?? '')
  seeOther(ctx, PATH.at(id), 'It is sent again in a moment.')
}

/** `POST /www/webhooks/ID/remove`. */
export async function removeWebhook(ctx: Context, { registry }: AccountDoor, user: User): Promise<void> {
  await readForm(ctx)
  await registry.webhooks.remove(user, param(ctx, 'id'))
  seeOther(ctx, PATH, 'The webhook is removed.')
}

type WebhooksPage = { user: User; secret?: string | undefined; problem?: Fault | undefined }

async function webhooksPage(
  ctx: Context,
  { registry }: AccountDoor,
  { user, secret, problem }: WebhooksPage,
): Promise<void> {
  const all = await registry.webhooks.list(user)
  const body = html`<h1>Webhooks</h1>
${accountTabs('webhooks')}
${takeNotice(ctx)}${problemNote(problem)}${secret !== undefined && secretNote(secret)}
${all.length === 0 ? nothing : webhookTable(all)}
<section class="card" aria-labelledby="new-webhook">
  <h2 id="new-webhook">New webhook</h2>
  ${addForm(ctx, user)}
</section>`
  await page(ctx, { title: 'Webhooks', body, status: problem?.status ?? 200 })
}

const nothing = html`<div class="empty"><h2>No webhooks yet</h2><p>A webhook tells another server when a package changes.</p></div>`
const nothingSent = html`<div class="empty"><h2>Nothing sent yet</h2><p>Here stands what was sent, once something happens.</p></div>`

function secretNote(secret: string): Html {
  return html`<section class="note good" role="status" aria-label="The webhook's secret">
  <p>What is sent is signed with this secret. Copy it now: it is not shown again.</p>
  ${lineToCopy(secret, 'secret')}
</section>`
}

function targetOf({ kind, name }: Webhook): Html {
  return html`${KINDS[kind]} <span class="mono">${name}</span>`
}

function webhookTable(all: readonly Webhook[]): Html {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Your webhooks"><table>
  <thead><tr><th scope="col">Address</th><th scope="col">Hears of</th><th scope="col">Made by</th><th scope="col">Last sent</th></tr></thead>
  <tbody>${all.map(
    (webhook) => html`
    <tr><th scope="row"><a class="mono" href="${PATH.at(webhook.id)}">${webhook.url}</a></th><td>${targetOf(webhook)}</td><td>${webhook.account}</td>
    <td>${webhook.last?.triedAt === undefined ? 'never' : moment(webhook.last.triedAt)}${webhook.last?.problem !== undefined && html` <span class="tag warn">failed</span>`}</td></tr>`,
  )}</tbody>
</table></div>`
}

function deliveryTable(ctx: Context, { id }: Webhook, deliveries: readonly Delivery[]): Html {
  return html`<div class="scroll" tabindex="0" role="region" aria-label="Deliveries"><table>
  <thead><tr><th scope="col">When</th><th scope="col">What</th><th scope="col">How it went</th><th><span class="hidden">Send again</span></th></tr></thead>
  <tbody>${deliveries.map(
    (one) => html`
    <tr><td>${moment(one.createdAt)}</td><td><details><summary class="mono">${one.event}</summary><pre>${one.body}</pre></details></td><td>${outcomeOf(one)}</td>
    <td><form method="post" action="${PATH.at(id, 'redeliver')}">${formKey(ctx)}<input type="hidden" name="delivery" value="${one.id}"><button class="quiet">Send again</button></form></td></tr>`,
  )}</tbody>
</table></div>`
}

function outcomeOf({ triedAt, dueAt, status, problem, attempts }: Delivery): Html {
  if (triedAt === undefined) return html`waits`
  if (problem === undefined && dueAt === undefined) return html`taken with ${status ?? ''}`
  const next = dueAt === undefined ? 'given up' : html`tried again ${moment(dueAt)}`
  return html`${problem ?? 'sent before'}; ${attempts} attempts, ${next}`
}

function addForm(ctx: Context, { admin }: User): Html {
  const kinds = WEBHOOK_KINDS.filter((kind) => admin || kind !== 'registry')
  return html`<form class="stack" method="post" action="${PATH}">
    ${formKey(ctx)}
    ${field({ name: 'url', label: 'Address', hint: 'Where to send what happens, as JSON by POST.', required: true })}
    <div><label for="kind">It hears of</label>
      <select id="kind" name="kind">${kinds.map((kind) => html`<option value="${kind}">${KINDS[kind]}</option>`)}</select></div>
    ${field({ name: 'name', label: 'Name', hint: 'Of the package or the namespace, such as @kim/box or kim.' })}
    <button>Add the webhook</button>
  </form>`
}
