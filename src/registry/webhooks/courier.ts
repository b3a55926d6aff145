import { createHmac } from 'node:crypto'
import { lookup as anywhere } from 'node:dns'
import type { LookupFunction } from 'node:net'
import { days, hours, type Millis, minutes, seconds } from '../../base/time.ts'
import type { DeliveryRow } from '../../storage/sql/webhook.ts'
import {
  claimDelivery,
  deleteDoneDeliveries,
  dueDeliveries,
  findWebhook,
  updateDelivery,
} from '../../storage/tables/webhooks.ts'
import type { Context } from '../context.ts'
import { openAgent } from '../mirror/agent.ts'
import { HostGuard } from '../mirror/hosts.ts'
import type { Network } from '../network.ts'
import type { Sealer } from '../seal.ts'

/** How long to wait after each attempt that failed; after the last pause it is tried once more, and then given up. */
export const PAUSES: readonly Millis[] = [
  seconds(10),
  minutes(1),
  minutes(5),
  minutes(30),
  hours(2),
  hours(8),
  days(1),
]
/** What nobody looked at for so long is forgotten. */
const KEPT = days(30)
const LOOK_EVERY = seconds(2)
const PATIENCE = seconds(10)
/** For who claimed a delivery and died; longer than an attempt may take. */
const CLAIM = minutes(2)
const AT_ONCE = 16
/** Bytes of an answer that are read, for the connection's sake. */
const MOST_ANSWER = 16 * 1024

export type CourierOptions = {
  /** Whether webhooks may lead into private networks and to this machine. */
  readonly privateAddresses: boolean
}

/** Judges where a webhook may lead: when it is made, as far as its address tells, and each time something is sent. */
export type WebhookGuard = Pick<HostGuard, 'lookup' | 'check'>

export function webhookGuard({ privateAddresses }: CourierOptions): WebhookGuard {
  return privateAddresses ? everywhere : new HostGuard()
}

/**
 * Sends what lies in the outbox. Several servers may: each delivery is claimed before it is sent. What was sent by one that died before it
 * could say so is sent again, under the same id.
 */
export class Courier {
  readonly #context: Context
  readonly #network: Network
  readonly #sealer: Sealer
  readonly #guard: WebhookGuard
  #agent: ReturnType<typeof openAgent> | undefined
  #timer: NodeJS.Timeout | undefined
  #round: Promise<unknown> = Promise.resolve()

  constructor(
    context: Context,
    { network, sealer, guard }: { network: Network; sealer: Sealer; guard: WebhookGuard },
  ) {
    this.#context = context
    this.#network = network
    this.#sealer = sealer
    this.#guard = guard
  }

  /** Looks every two seconds until it is closed. */
  start(): void {
    this.#timer = setTimeout(() => {
      this.#round = this.deliverDue()
        .catch((err) => this.#context.log.warn({ err }, 'webhooks could not be delivered'))
        .finally(() => this.#timer && this.start())
    }, LOOK_EVERY).unref()
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer)
    this.#timer = undefined
    await this.#round
    await (await this.#agent)?.close()
  }

  /** Tries all that is due now and resolves with how many attempts that were. Offline nothing is. */
  async deliverDue(): Promise<number> {
    let count = 0
    for (;;) {
      if (await this.#network.isOffline()) return count
      const { sql } = this.#context.storage
      const due = await dueDeliveries(sql.read, this.#context.clock.now(), AT_ONCE)
      const tried = await Promise.all(due.map((row) => this.#deliver(row)))
      count += tried.filter(Boolean).length
      if (due.length < AT_ONCE) return count
    }
  }

  /** False when another server took it. */
  async #deliver(row: DeliveryRow): Promise<boolean> {
    const { sql } = this.#context.storage
    const until = this.#context.clock.now() + CLAIM
    if (!(await sql.transaction((tx) => claimDelivery(tx, row, until)))) return false
    const hook = await findWebhook(sql.read, row.webhook_id)
    if (!hook) return false
    const outcome = await this.#send(row, hook)
    const now = this.#context.clock.now()
    const pause = PAUSES[row.attempts]
    const due_at = outcome.problem === null || pause === undefined ? null : now + pause
    await sql.transaction(async (tx) => {
      await updateDelivery(tx, row.id, { ...outcome, tried_at: now, due_at })
      await deleteDoneDeliveries(tx, hook.id, now - KEPT)
    })
    return true
  }

  async #send(
    row: DeliveryRow,
    { url, secret }: { url: string; secret: string },
  ): Promise<Pick<DeliveryRow, 'status' | 'problem'>> {
    const opened = this.#sealer.open(secret)
    if (opened === undefined)
      return { status: null, problem: 'its secret was sealed under another key; set it anew' }
    try {
      const status = await this.#post(row, new URL(url), opened)
      const taken = status >= 200 && status < 300
      return { status, problem: taken ? null : `it answered ${status}` }
    } catch (error) {
      return { status: null, problem: sentenceOf(error) }
    }
  }

  async #post(row: DeliveryRow, url: URL, secret: string): Promise<number> {
    await this.#guard.check(url)
    this.#agent ??= openAgent({ connections: AT_ONCE, timeout: PATIENCE }, this.#guard)
    const agent = await this.#agent
    const reply = await agent.request({
      method: 'POST',
      origin: url.origin,
      path: url.pathname + url.search,
      headers: {
        'content-type': 'application/json',
        'user-agent': 'entropic',
        'x-entropic-event': row.event,
        ...signatures(row, { secret, at: this.#context.clock.now() }),
      },
      body: row.body,
      signal: AbortSignal.timeout(PATIENCE),
    })
    await reply.body.dump({ limit: MOST_ANSWER })
    return reply.statusCode
  }
}

/**
 * What a receiver checks: `webhook-signature` by the Standard Webhooks rules, over `id.timestamp.body` (seconds since 1970), and npm's own
 * `x-npm-signature` over the body alone.
 */
export function signatures(
  { id, body }: Pick<DeliveryRow, 'id' | 'body'>,
  { secret, at }: { secret: string; at: Millis },
): Record<string, string> {
  const timestamp = String(Math.floor(at / 1000))
  const standard = createHmac('sha256', keyOf(secret)).update(`${id}.${timestamp}.${body}`).digest('base64')
  const npm = createHmac('sha256', secret).update(body).digest('hex')
  return {
    'webhook-id': id,
    'webhook-timestamp': timestamp,
    'webhook-signature': `v1,${standard}`,
    'x-npm-signature': `sha256=${npm}`,
  }
}

/** Secrets that begin so are base64, as Standard Webhooks has it; others are the key as they are. */
export const SECRET_PREFIX = 'whsec_'

function keyOf(secret: string): Buffer {
  if (!secret.startsWith(SECRET_PREFIX)) return Buffer.from(secret)
  return Buffer.from(secret.slice(SECRET_PREFIX.length), 'base64')
}

const everywhere = {
  lookup: anywhere as LookupFunction, // its own type lists overloads that nobody here calls
  check: async () => undefined,
}

function sentenceOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error)
  if (error.name === 'TimeoutError') return `it did not answer within ${PATIENCE / 1000} seconds`
  return error.message || error.name
}
