/** What vouches for versions, as `migrations/` makes its tables; a part of Database. */
export interface SignatureTables {
  signature: SignatureRow
  attestation: AttestationRow
}

export interface SignatureRow {
  package_id: string
  version: string
  keyid: string
  sig: string
}

export interface AttestationRow {
  package_id: string
  version: string
  document: string
}
