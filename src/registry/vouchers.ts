import type { PackageRow, Reader, Tx, VersionRow } from '../storage/sql/database.ts'
import {
  insertAttestation,
  insertSignature,
  listAttestations,
  listSignatures,
} from '../storage/tables/signatures.ts'
import { attestationOf } from './attestations.ts'
import type { JsonObject, PackageHead } from './model.ts'
import type { Signer } from './signer.ts'

/** Keeps our signature on a version just published, and what its publisher attests. */
export async function keepVouchers(
  tx: Tx,
  { id, npm_name: npmName }: PackageRow,
  given: { row: VersionRow; signer: Signer | undefined; provenance: string | undefined },
): Promise<void> {
  const { signer, provenance } = given
  const { version, tarball } = given.row
  const key = { package_id: id, version }
  if (signer && tarball !== null)
    await insertSignature(tx, { ...key, ...signer.sign(npmName, version, tarball) })
  if (provenance !== undefined)
    await insertAttestation(tx, { ...key, document: attestationOf(provenance).document })
}

/** What `dist` says of those who vouch for each version of our own. Addresses are below the registry's. */
export async function listVouchers(db: Reader, head: PackageHead): Promise<ReadonlyMap<string, JsonObject>> {
  const vouchers = new Map<string, JsonObject>()
  const add = (version: string, more: JsonObject) =>
    vouchers.set(version, { ...vouchers.get(version), ...more })
  for (const { version, keyid, sig } of await listSignatures(db, head.id))
    add(version, { signatures: [{ keyid, sig }] })
  for (const { version, document } of await listAttestations(db, head.id)) {
    // We made it ourselves, of one bundle.
    const [first] = (JSON.parse(document) as { attestations: { predicateType: string }[] }).attestations
    const url = `/-/npm/v1/attestations/${head.npmName.replace('/', '%2f')}@${version}`
    add(version, { attestations: { url, provenance: { predicateType: first?.predicateType } } })
  }
  return vouchers
}
