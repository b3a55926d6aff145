import type { PackageRow } from '../storage/sql/database.ts'
import type { PackageHead } from './model.ts'

/** The rows that many get are frozen, and so many get the same head. */
const heads = new WeakMap<PackageRow, PackageHead>()

export function headOf(row: PackageRow): PackageHead {
  const known = heads.get(row)
  if (known) return known
  const head = newHead(row)
  if (Object.isFrozen(row)) heads.set(row, head)
  return head
}

function newHead(row: PackageRow): PackageHead {
  return {
    id: row.id,
    name: { namespace: row.namespace, host: row.host, name: row.name },
    npmName: row.npm_name,
    source: row.source,
    access: row.access,
    revision: row.revision,
    requireTfa: row.require_tfa_at !== null,
    createdAt: row.created_at,
    modifiedAt: row.modified_at,
    yankedAt: row.yanked_at ?? undefined,
  }
}
