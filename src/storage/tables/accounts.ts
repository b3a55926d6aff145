import type { AccountRow, MembershipRow, NamespaceRow, Reader, Tx } from '../sql/database.ts'

export function findAccount(db: Reader, name: string): Promise<AccountRow | undefined> {
  return db.selectFrom('account').selectAll().where('name', '=', name).executeTakeFirst()
}

export function findAccountById(db: Reader, id: string): Promise<AccountRow | undefined> {
  return db.selectFrom('account').selectAll().where('id', '=', id).executeTakeFirst()
}

export function listAccounts(db: Reader): Promise<AccountRow[]> {
  return db.selectFrom('account').selectAll().orderBy('name').execute()
}

/** Whether an administrator has an account that is not disabled. */
export async function hasAdministrator(db: Reader): Promise<boolean> {
  const row = await db
    .selectFrom('account')
    .select('id')
    .where('role', '=', 'admin')
    .where('disabled_at', 'is', null)
    .executeTakeFirst()
  return row !== undefined
}

/** Throws Conflict when the name is taken. */
export async function insertAccount(tx: Tx, row: AccountRow): Promise<void> {
  await tx.insertInto('account').values(row).execute()
}

export async function updateAccount(
  tx: Tx,
  id: string,
  change: Partial<Pick<AccountRow, 'email' | 'password' | 'role' | 'disabled_at'>>,
): Promise<void> {
  await tx.updateTable('account').set(change).where('id', '=', id).execute()
}

/** Changes the stored password, if it still is `from`. */
export async function replacePassword(
  tx: Tx,
  id: string,
  { from, to }: { from: string | null; to: string },
): Promise<void> {
  await tx
    .updateTable('account')
    .set({ password: to })
    .where('id', '=', id)
    .where('password', '=', from)
    .execute()
}

export function findNamespace(db: Reader, name: string): Promise<NamespaceRow | undefined> {
  return db.selectFrom('namespace').selectAll().where('name', '=', name).executeTakeFirst()
}

export async function listNamespaces(db: Reader): Promise<string[]> {
  const rows = await db.selectFrom('namespace').select('name').orderBy('name').execute()
  return rows.map((row) => row.name)
}

/** Throws Conflict when the name is taken. */
export async function insertNamespace(tx: Tx, row: NamespaceRow): Promise<void> {
  await tx.insertInto('namespace').values(row).execute()
}

export async function insertMembership(tx: Tx, row: MembershipRow): Promise<void> {
  await tx.insertInto('membership').values(row).execute()
}

export function findMembership(
  db: Reader,
  namespace: string,
  accountId: string,
): Promise<MembershipRow | undefined> {
  return db
    .selectFrom('membership')
    .selectAll()
    .where('namespace', '=', namespace)
    .where('account_id', '=', accountId)
    .executeTakeFirst()
}
