import type { Millis } from '../../base/time.ts'
import type { Reader, Tx } from '../sql/database.ts'
import type { DeliveryRow, WebhookRow } from '../sql/webhook.ts'
import { heldBy } from './rights.ts'

export type WebhookWithAccount = WebhookRow & { readonly account: string }

const withAccount = (db: Reader) =>
  db
    .selectFrom('webhook')
    .innerJoin('account', 'account.id', 'webhook.account_id')
    .selectAll('webhook')
    .select('account.name as account')

export function findWebhook(db: Reader, id: string): Promise<WebhookWithAccount | undefined> {
  return withAccount(db).where('webhook.id', '=', id).executeTakeFirst()
}

/** Those of namespaces that the account is a member of, and of packages these maintain; without an account all. Oldest first. */
export function listWebhooks(db: Reader, accountId?: string): Promise<WebhookWithAccount[]> {
  const all = withAccount(db).orderBy('webhook.created_at').orderBy('webhook.id')
  if (accountId === undefined) return all.execute()
  const namespaces = db
    .selectFrom('membership')
    .select('namespace')
    .where('account_id', '=', accountId)
    .where('accepted_at', 'is not', null)
  const packages = db
    .selectFrom('package')
    .select('npm_name')
    .where('host', '=', '')
    .where('id', 'in', heldBy(db, accountId, 'manage'))
  return all
    .where(({ or, and, eb }) =>
      or([
        and([eb('webhook.kind', 'in', ['scope', 'owner']), eb('webhook.name', 'in', namespaces)]),
        and([eb('webhook.kind', '=', 'package'), eb('webhook.name', 'in', packages)]),
      ]),
    )
    .execute()
}

/** Those that hear of a package: a namespace hears of a restricted one only if it maintains it. */
export async function webhooksFor(tx: Tx, packageId: string): Promise<Pick<WebhookRow, 'id'>[]> {
  const maintainers = tx
    .selectFrom('maintainer')
    .select('namespace')
    .where('package_id', '=', packageId)
    .where('accepted_at', 'is not', null)
  return tx
    .selectFrom('webhook')
    .innerJoin('package', (join) => join.on('package.id', '=', packageId))
    .select('webhook.id')
    .where(({ or, and, eb, ref }) =>
      or([
        eb('kind', '=', 'registry'),
        and([eb('kind', '=', 'package'), eb('webhook.name', '=', ref('package.npm_name'))]),
        and([eb('kind', '=', 'owner'), eb('webhook.name', 'in', maintainers)]),
        and([
          eb('kind', '=', 'scope'),
          eb('webhook.name', '=', ref('package.namespace')),
          or([eb('package.access', '=', 'public'), eb('webhook.name', 'in', maintainers)]),
        ]),
      ]),
    )
    .execute()
}

export async function insertWebhook(tx: Tx, row: WebhookRow): Promise<void> {
  await tx.insertInto('webhook').values(row).execute()
}

export async function updateWebhook(tx: Tx, id: string, change: Partial<WebhookRow>): Promise<void> {
  await tx.updateTable('webhook').set(change).where('id', '=', id).execute()
}

/** With all that was or would have been sent to it. */
export async function deleteWebhook(tx: Tx, id: string): Promise<void> {
  await tx.deleteFrom('delivery').where('webhook_id', '=', id).execute()
  await tx.deleteFrom('webhook').where('id', '=', id).execute()
}

export async function insertDeliveries(tx: Tx, rows: readonly DeliveryRow[]): Promise<void> {
  if (rows.length > 0) await tx.insertInto('delivery').values(rows).execute()
}

/** Newest first. */
export function listDeliveries(db: Reader, webhookId: string, limit: number): Promise<DeliveryRow[]> {
  return db
    .selectFrom('delivery')
    .selectAll()
    .where('webhook_id', '=', webhookId)
    .orderBy('created_at', 'desc')
    .orderBy('id')
    .limit(limit)
    .execute()
}

export function dueDeliveries(db: Reader, now: Millis, limit: number): Promise<DeliveryRow[]> {
  return db
    .selectFrom('delivery')
    .selectAll()
    .where('due_at', '<=', now)
    .orderBy('due_at')
    .limit(limit)
    .execute()
}

/** Takes a delivery until `until`; false when somebody else was faster. */
export async function claimDelivery(
  tx: Tx,
  { id, due_at }: Pick<DeliveryRow, 'id' | 'due_at'>,
  until: Millis,
): Promise<boolean> {
  const claimed = await tx
    .updateTable('delivery')
    .set((eb) => ({ due_at: until, attempts: eb('attempts', '+', 1) }))
    .where('id', '=', id)
    .where('due_at', '=', due_at)
    .returning('id')
    .executeTakeFirst()
  return claimed !== undefined
}

/** Tells whether there was such a delivery. */
export async function updateDelivery(tx: Tx, id: string, change: Partial<DeliveryRow>): Promise<boolean> {
  const result = await tx.updateTable('delivery').set(change).where('id', '=', id).executeTakeFirst()
  return result.numUpdatedRows > 0n
}

/** Forgets what was done with before `before`. */
export async function deleteDoneDeliveries(tx: Tx, webhookId: string, before: Millis): Promise<void> {
  await tx
    .deleteFrom('delivery')
    .where('webhook_id', '=', webhookId)
    .where('due_at', 'is', null)
    .where('created_at', '<', before)
    .execute()
}
