import type { Millis } from '../../base/time.ts'
import type { MaintainerRow, PackageRow, Reader, Tx } from '../sql/database.ts'

/** Invited people and packages are `pending` until they accept. */
export type Standing = 'active' | 'pending'

export type MembershipKey = { readonly namespace: string; readonly accountId: string }

/** `is not` for those who accepted. */
const IS = { active: 'is not', pending: 'is' } as const

/** The names of a namespace's accepted members. */
export async function listMembers(db: Reader, namespace: string): Promise<string[]> {
  const rows = await db
    .selectFrom('membership')
    .innerJoin('account', 'account.id', 'membership.account_id')
    .select('account.name')
    .where('membership.namespace', '=', namespace)
    .where('membership.accepted_at', 'is not', null)
    .orderBy('account.name')
    .execute()
  return rows.map((row) => row.name)
}

/** The namespaces an account belongs to, or is invited to. */
export async function listMemberships(db: Reader, accountId: string, standing: Standing): Promise<string[]> {
  const rows = await db
    .selectFrom('membership')
    .select('namespace')
    .where('account_id', '=', accountId)
    .where('accepted_at', IS[standing], null)
    .orderBy('namespace')
    .execute()
  return rows.map((row) => row.namespace)
}

/** The packages a namespace maintains, or is invited to maintain. */
export function listMaintainerships(
  db: Reader,
  namespace: string,
  standing: Standing,
): Promise<PackageRow[]> {
  return db
    .selectFrom('maintainer')
    .innerJoin('package', 'package.id', 'maintainer.package_id')
    .selectAll('package')
    .where('maintainer.namespace', '=', namespace)
    .where('maintainer.accepted_at', IS[standing], null)
    .where('package.removed_at', 'is', null)
    .orderBy('package.namespace')
    .orderBy('package.name')
    .execute()
}

export function findMaintainer(
  db: Reader,
  packageId: string,
  namespace: string,
): Promise<MaintainerRow | undefined> {
  return db
    .selectFrom('maintainer')
    .selectAll()
    .where('package_id', '=', packageId)
    .where('namespace', '=', namespace)
    .executeTakeFirst()
}

/** Makes later writers of the namespace's members wait for this transaction (Postgres; SQLite has one writer anyway). */
export async function lockNamespace(tx: Tx, name: string): Promise<void> {
  await tx
    .updateTable('namespace')
    .set((eb) => ({ created_at: eb.ref('created_at') }))
    .where('name', '=', name)
    .execute()
}

export async function acceptMembership(tx: Tx, key: MembershipKey, at: Millis): Promise<void> {
  await tx
    .updateTable('membership')
    .set({ accepted_at: at })
    .where('namespace', '=', key.namespace)
    .where('account_id', '=', key.accountId)
    .execute()
}

export async function deleteMembership(tx: Tx, key: MembershipKey): Promise<void> {
  await tx
    .deleteFrom('membership')
    .where('namespace', '=', key.namespace)
    .where('account_id', '=', key.accountId)
    .execute()
}

/** A namespace's accepted members with their roles, by name. */
export function listMemberRoles(
  db: Reader,
  namespace: string,
): Promise<{ name: string; role: 'owner' | 'member' }[]> {
  return db
    .selectFrom('membership')
    .innerJoin('account', 'account.id', 'membership.account_id')
    .select(['account.name', 'membership.role'])
    .where('membership.namespace', '=', namespace)
    .where('membership.accepted_at', 'is not', null)
    .orderBy('account.name')
    .execute()
}

export async function updateRole(tx: Tx, key: MembershipKey, role: 'owner' | 'member'): Promise<void> {
  await tx
    .updateTable('membership')
    .set({ role })
    .where('namespace', '=', key.namespace)
    .where('account_id', '=', key.accountId)
    .execute()
}
