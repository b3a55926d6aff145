import type { Millis } from '../../base/time.ts'

/** Webhooks and what was sent to them, as `migrations/` makes their tables; a part of Database. */
export interface WebhookTables {
  webhook: WebhookRow
  delivery: DeliveryRow
}

export interface WebhookRow {
  id: string
  kind: 'package' | 'scope' | 'owner' | 'registry'
  name: string
  url: string
  secret: string
  account_id: string
  created_at: Millis
  updated_at: Millis
}

export interface DeliveryRow {
  id: string
  webhook_id: string
  event: string
  body: string
  created_at: Millis
  attempts: number
  due_at: Millis | null
  tried_at: Millis | null
  status: number | null
  problem: string | null
}
