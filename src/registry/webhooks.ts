import { randomBytes, randomUUID } from 'node:crypto'
import { Fault, fail, isFault } from '../base/fault.ts'
import { fromNpmName, parseNamespace, parseNpmName } from '../base/name.ts'
import type { Millis } from '../base/time.ts'
import type { Tx } from '../storage/sql/database.ts'
import type { DeliveryRow, WebhookRow } from '../storage/sql/webhook.ts'
import {
  deleteWebhook,
  findWebhook,
  insertWebhook,
  listDeliveries,
  listWebhooks,
  updateDelivery,
  updateWebhook,
  type WebhookWithAccount,
} from '../storage/tables/webhooks.ts'
import type { Access } from './access.ts'
import { type AuditAction, note, originOfCaller } from './audit.ts'
import type { Context } from './context.ts'
import { ForbiddenHost } from './mirror/hosts.ts'
import type { Caller, User } from './model.ts'
import type { Packages } from './packages.ts'
import type { Sealer } from './seal.ts'
import { SECRET_PREFIX, type WebhookGuard } from './webhooks/courier.ts'

export const WEBHOOK_KINDS = ['package', 'scope', 'owner', 'registry'] as const

/** What a webhook hears of: a package, all in a namespace (`scope`), all that a namespace maintains (`owner`), or everything. */
export type WebhookTarget = { readonly kind: WebhookRow['kind']; readonly name: string }

export type Webhook = WebhookTarget & {
  readonly id: string
  readonly url: string
  /** Whose account made it. */
  readonly account: string
  readonly createdAt: Millis
  readonly updatedAt: Millis
  /** What was sent last; undefined: nothing yet. */
  readonly last: Delivery | undefined
}

export type Delivery = {
  readonly id: string
  readonly event: string
  /** What is sent, JSON. */
  readonly body: string
  readonly createdAt: Millis
  readonly attempts: number
  readonly triedAt: Millis | undefined
  /** When it is tried (again); undefined: not any more. */
  readonly dueAt: Millis | undefined
  /** Of the last answer. */
  readonly status: number | undefined
  /** Why the last attempt failed. */
  readonly problem: string | undefined
}

const SHORTEST_SECRET = 8
const LONGEST = 1000
/** Deliveries shown. */
const LOG = 100

/** Who is told of changes by HTTP. A webhook belongs to what it hears of: whoever may change that may see and change the webhook. */
export class Webhooks {
  readonly #context: Context
  readonly #access: Access
  readonly #packages: Packages
  readonly #sealer: Sealer
  readonly #guard: WebhookGuard

  constructor(
    context: Context,
    parts: { access: Access; packages: Packages; sealer: Sealer; guard: WebhookGuard },
  ) {
    this.#context = context
    this.#access = parts.access
    this.#packages = parts.packages
    this.#sealer = parts.sealer
    this.#guard = parts.guard
  }

  /** Without a secret one is made. The secret is handed out here and never again. BAD_REQUEST, and what the right to the target needs. */
  async add(
    caller: Caller,
    { secret = newSecret(), ...wish }: WebhookTarget & { url: string; secret?: string },
  ): Promise<Webhook & { readonly secret: string }> {
    const { kind, name } = checkTarget(wish)
    const user = await this.#manage(caller, { kind, name })
    const now = this.#context.clock.now()
    const row = {
      id: randomUUID(),
      kind,
      name,
      url: await this.#checkUrl(wish.url),
      secret: this.#sealer.seal(checkSecret(secret)),
      account_id: user.id,
      created_at: now,
      updated_at: now,
    }
    await this.#write(user, { action: 'webhook.add', row }, (tx) => insertWebhook(tx, row))
    return { ...webhookOf({ ...row, account: user.name }, undefined), secret }
  }

  /** Those the caller may change, oldest first; `name` is an npm name to hear of that package's alone. */
  async list(caller: Caller, name?: string): Promise<Webhook[]> {
    const user = this.#access.writer(caller)
    const { read } = this.#context.storage.sql
    const rows = await listWebhooks(read, user.admin ? undefined : user.id)
    const shown = rows.filter((row) => name === undefined || (row.kind === 'package' && row.name === name))
    return Promise.all(shown.map((row) => this.#withLast(row)))
  }

  /** NOT_FOUND, also for whoever may not change it. */
  async find(caller: Caller, id: string): Promise<Webhook> {
    return this.#withLast((await this.#own(caller, id)).row)
  }

  async update(caller: Caller, id: string, change: { url: string; secret?: string }): Promise<Webhook> {
    const { user, row } = await this.#own(caller, id)
    const secret = change.secret === undefined ? row.secret : this.#sealer.seal(checkSecret(change.secret))
    const changed = { url: await this.#checkUrl(change.url), secret, updated_at: this.#context.clock.now() }
    await this.#write(user, { action: 'webhook.update', row: { ...row, ...changed } }, (tx) =>
      updateWebhook(tx, id, changed),
    )
    return this.#withLast({ ...row, ...changed })
  }

  /** With its log; resolves with what it was. */
  async remove(caller: Caller, id: string): Promise<Webhook> {
    const { user, row } = await this.#own(caller, id)
    const webhook = await this.#withLast(row)
    await this.#write(user, { action: 'webhook.remove', row }, (tx) => deleteWebhook(tx, id))
    return webhook
  }

  /** What was sent and is to be sent, newest first. */
  async deliveries(caller: Caller, id: string): Promise<Delivery[]> {
    await this.#own(caller, id)
    return (await listDeliveries(this.#context.storage.sql.read, id, LOG)).map(deliveryOf)
  }

  /** Sends a delivery again, from the first attempt on, with its old id: receivers know what they have seen. NOT_FOUND. */
  async redeliver(caller: Caller, id: string, deliveryId: string): Promise<void> {
    const { user, row } = await this.#own(caller, id)
    const known = await listDeliveries(this.#context.storage.sql.read, id, LOG)
    if (!known.some((one) => one.id === deliveryId)) fail('NOT_FOUND', { what: `delivery ${deliveryId}` })
    const due_at = this.#context.clock.now()
    await this.#write(user, { action: 'webhook.redeliver', row }, async (tx) => {
      await updateDelivery(tx, deliveryId, { attempts: 0, due_at })
    })
  }

  /** As a delivery checks it, so that nobody waits for one in vain. BAD_REQUEST. */
  async #checkUrl(text: string): Promise<string> {
    const url = urlIn(text)
    try {
      await this.#guard.check(url)
    } catch (error) {
      if (!(error instanceof ForbiddenHost)) throw error
      const why = `${error.message}, unless the operator sets WEBHOOK_PRIVATE`
      throw new Fault('BAD_REQUEST', { why }, { cause: error })
    }
    return url.href
  }

  async #own(caller: Caller, id: string): Promise<{ user: User; row: WebhookWithAccount }> {
    this.#access.writer(caller)
    const row = await findWebhook(this.#context.storage.sql.read, id)
    if (!row) return fail('NOT_FOUND', { what: `webhook ${id}` })
    try {
      return { user: await this.#manage(caller, row), row }
    } catch (error) {
      if (isFault(error, 'NOT_A_MAINTAINER', 'NOT_A_MEMBER', 'PACKAGE_NOT_FOUND', 'FORBIDDEN'))
        throw new Fault('NOT_FOUND', { what: `webhook ${id}` }, { cause: error })
      throw error
    }
  }

  async #manage(caller: Caller, { kind, name }: WebhookTarget): Promise<User> {
    const user = this.#access.writer(caller)
    if (kind === 'registry') return this.#access.admin(await this.#access.self(caller))
    if (kind !== 'package') return this.#access.actFor(caller, name)
    const head = await this.#packages.findOwn(fromNpmName(name))
    // What is said of a package that was unpublished is its maintainers' too; one that never was is told as such.
    if (head) return this.#access.write(caller, head)
    await this.#packages.writable(caller, fromNpmName(name))
    return user
  }

  async #withLast(row: WebhookWithAccount): Promise<Webhook> {
    const recent = await listDeliveries(this.#context.storage.sql.read, row.id, LOG)
    return webhookOf(
      row,
      recent.find(({ tried_at }) => tried_at !== null),
    )
  }

  async #write(
    user: User,
    { action, row }: { action: AuditAction; row: WebhookTarget & { id: string; url: string } },
    work: (tx: Tx) => Promise<void>,
  ): Promise<void> {
    const at = this.#context.clock.now()
    const subject = row.kind === 'registry' ? 'every package' : `${row.kind} ${row.name}`
    await this.#context.storage.sql.transaction(async (tx) => {
      await work(tx)
      await note(
        tx,
        { at, by: originOfCaller(user) },
        { action, subject, detail: { id: row.id, url: row.url } },
      )
    })
  }
}

const newSecret = () => SECRET_PREFIX + randomBytes(24).toString('base64')

function checkTarget({ kind, name }: WebhookTarget): WebhookTarget {
  if (kind === 'registry') return { kind, name: '' }
  return { kind, name: kind === 'package' ? parseNpmName(name) : parseNamespace(name.replace(/^[@~]/, '')) }
}

function urlIn(text: string): URL {
  const url = text.length <= LONGEST ? URL.parse(text) : null
  if (url && /^https?:$/.test(url.protocol) && url.username === '' && url.password === '') return url
  const why = `a webhook's address begins with http:// or https://, without user, in at most ${LONGEST} characters`
  throw new Fault('BAD_REQUEST', { why })
}

function checkSecret(secret: string): string {
  if (secret.length >= SHORTEST_SECRET && secret.length <= LONGEST) return secret
  const why = `a webhook's secret has ${SHORTEST_SECRET} to ${LONGEST} characters`
  throw new Fault('BAD_REQUEST', { why })
}

function webhookOf(row: Omit<WebhookWithAccount, 'secret'>, last: DeliveryRow | undefined): Webhook {
  return {
    id: row.id,
    kind: row.kind,
    name: row.name,
    url: row.url,
    account: row.account,
    createdAt: row.created_at,
    updatedAt: row.updated_at,
    last: last && deliveryOf(last),
  }
}

function deliveryOf(row: DeliveryRow): Delivery {
  return {
    id: row.id,
    event: row.event,
    body: row.body,
    createdAt: row.created_at,
    attempts: row.attempts,
    triedAt: row.tried_at ?? undefined,
    dueAt: row.due_at ?? undefined,
    status: row.status ?? undefined,
    problem: row.problem ?? undefined,
  }
}
