import { randomUUID } from 'node:crypto'
import { iso, type Millis } from '../../base/time.ts'
import type { ChangeKind, Tx } from '../../storage/sql/database.ts'
import { insertDeliveries, webhooksFor } from '../../storage/tables/webhooks.ts'

/** Changes as npm's webhooks call them; the others keep the feed's word. */
const EVENTS: Partial<Record<ChangeKind, string>> = {
  tag: 'dist-tag',
  deprecate: 'deprecated',
  maintainer: 'owner',
}

type Change = {
  readonly of: { readonly id: string; readonly npmName: string }
  readonly at: Millis
  readonly kind: ChangeKind
  readonly detail: object
  /** The name of who made it. */
  readonly by: string | undefined
}

/** Writes down what the webhooks of a package are to be told, in the transaction of the change: neither is ever there alone. */
export async function addToOutbox(tx: Tx, { of, at, kind, detail, by }: Change): Promise<void> {
  const hooks = await webhooksFor(tx, of.id)
  const event = `package:${EVENTS[kind] ?? kind}`
  const body = JSON.stringify({ event, name: of.npmName, type: 'package', change: detail, by, time: iso(at) })
  const none = { tried_at: null, status: null, problem: null }
  await insertDeliveries(
    tx,
    hooks.map(({ id }) => ({
      id: randomUUID(),
      webhook_id: id,
      event,
      body,
      created_at: at,
      attempts: 0,
      due_at: at,
      ...none,
    })),
  )
}
