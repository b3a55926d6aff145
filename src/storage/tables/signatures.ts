import type { Reader, Tx } from '../sql/database.ts'
import type { AttestationRow, SignatureRow } from '../sql/signature.ts'

export async function insertSignature(tx: Tx, row: SignatureRow): Promise<void> {
  await tx.insertInto('signature').values(row).execute()
}

export function listSignatures(db: Reader, packageId: string): Promise<SignatureRow[]> {
  return db.selectFrom('signature').selectAll().where('package_id', '=', packageId).execute()
}

/** What is known first stays. */
export async function insertAttestation(tx: Tx, row: AttestationRow): Promise<void> {
  await tx
    .insertInto('attestation')
    .values(row)
    .onConflict((conflict) => conflict.doNothing())
    .execute()
}

export function findAttestation(
  db: Reader,
  packageId: string,
  version: string,
): Promise<AttestationRow | undefined> {
  return db
    .selectFrom('attestation')
    .selectAll()
    .where('package_id', '=', packageId)
    .where('version', '=', version)
    .executeTakeFirst()
}

export function listAttestations(db: Reader, packageId: string): Promise<AttestationRow[]> {
  return db.selectFrom('attestation').selectAll().where('package_id', '=', packageId).execute()
}
