import type { IdentityRow, InvitationLinkRow, Reader, Tx } from '../sql/database.ts'

export function findIdentity(
  db: Reader,
  provider: string,
  subject: string,
): Promise<IdentityRow | undefined> {
  return db
    .selectFrom('identity')
    .selectAll()
    .where('provider', '=', provider)
    .where('subject', '=', subject)
    .executeTakeFirst()
}

export function listIdentities(db: Reader, accountId: string): Promise<IdentityRow[]> {
  return db
    .selectFrom('identity')
    .selectAll()
    .where('account_id', '=', accountId)
    .orderBy('provider')
    .orderBy('subject')
    .execute()
}

/** Throws Conflict when the identity is linked already. */
export async function insertIdentity(tx: Tx, row: IdentityRow): Promise<void> {
  await tx.insertInto('identity').values(row).execute()
}

export async function updateIdentity(
  tx: Tx,
  { provider, subject, ...change }: Pick<IdentityRow, 'provider' | 'subject' | 'name' | 'token' | 'used_at'>,
): Promise<void> {
  await tx
    .updateTable('identity')
    .set(change)
    .where('provider', '=', provider)
    .where('subject', '=', subject)
    .execute()
}

export async function deleteIdentity(
  tx: Tx,
  { provider, subject, account_id }: Pick<IdentityRow, 'provider' | 'subject' | 'account_id'>,
): Promise<void> {
  await tx
    .deleteFrom('identity')
    .where('provider', '=', provider)
    .where('subject', '=', subject)
    .where('account_id', '=', account_id)
    .execute()
}

export async function insertInvitationLink(tx: Tx, row: InvitationLinkRow): Promise<void> {
  await tx.insertInto('invitation_link').values(row).execute()
}

export function findInvitationLink(db: Reader, hash: string): Promise<InvitationLinkRow | undefined> {
  return db.selectFrom('invitation_link').selectAll().where('hash', '=', hash).executeTakeFirst()
}

/** Takes the link away: of all who use it, exactly one gets the row. */
export function takeInvitationLink(tx: Tx, hash: string): Promise<InvitationLinkRow | undefined> {
  return tx.deleteFrom('invitation_link').where('hash', '=', hash).returningAll().executeTakeFirst()
}

/** Takes back the links that the registry itself made. */
export async function deleteSetupLinks(tx: Tx): Promise<void> {
  await tx.deleteFrom('invitation_link').where('created_by', 'is', null).execute()
}
