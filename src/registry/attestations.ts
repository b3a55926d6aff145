import { fail, isFault } from '../base/fault.ts'
import type { PackageName } from '../base/name.ts'
import { seconds } from '../base/time.ts'
import { findAttestation, insertAttestation } from '../storage/tables/signatures.ts'
import type { Context } from './context.ts'
import type { JsonObject, Who } from './model.ts'
import type { Network } from './network.ts'
import type { Packages } from './packages.ts'
import type { Upstream } from './upstream.ts'

const PATIENCE = seconds(10)
const MAX_DOCUMENT = 4 * 2 ** 20

/** How versions came to be: Sigstore bundles, as their publishers sent them or the upstream has them. */
export class Attestations {
  readonly #context: Context
  readonly #packages: Packages
  readonly #network: Network
  readonly #upstream: Upstream | undefined

  constructor(context: Context, parts: { packages: Packages; network: Network; upstream?: Upstream }) {
    this.#context = context
    this.#packages = parts.packages
    this.#network = parts.network
    this.#upstream = parts.upstream
  }

  /** JSON: `{ attestations: [{ predicateType, bundle }] }`. PACKAGE_NOT_FOUND, NOT_FOUND, UPSTREAM_…. */
  async find(who: Who, name: PackageName, version: string): Promise<string> {
    const head = await this.#packages.head(who, name)
    const kept = await findAttestation(this.#context.storage.sql.read, head.id, version)
    if (kept) return kept.document
    const missing = () => fail('NOT_FOUND', { what: `attestations of ${head.npmName}@${version}` })
    const upstream = head.source === 'mirror' ? this.#upstream?.for(head.npmName) : undefined
    if (!upstream?.service || (await this.#network.isOffline(upstream.url))) return missing()
    const path = `/-/npm/v1/attestations/${head.npmName.replace('/', '%2f')}@${encodeURIComponent(version)}`
    const answer = await upstream.service({ path, deadline: PATIENCE, limit: MAX_DOCUMENT })
    const document = answer?.toString() ?? missing()
    if (!isAttestations(document)) fail('UPSTREAM_INVALID', { what: path, why: 'it holds no attestations' })
    const row = { package_id: head.id, version, document }
    await this.#context.storage.sql.transaction((tx) => insertAttestation(tx, row))
    return document
  }
}

/** The document of one bundle. BAD_REQUEST unless it is one that says what it attests. */
export function attestationOf(bundle: string): { document: string; predicateType: string } {
  try {
    const parsed = JSON.parse(bundle)
    const statement = JSON.parse(Buffer.from(parsed.dsseEnvelope.payload, 'base64').toString())
    const { predicateType } = statement
    if (typeof predicateType === 'string')
      return {
        document: JSON.stringify({ attestations: [{ predicateType, bundle: parsed }] }),
        predicateType,
      }
  } catch (error) {
    if (isFault(error)) throw error
  }
  return fail('BAD_REQUEST', { why: 'the provenance is no Sigstore bundle with a DSSE envelope' })
}

function isAttestations(text: string): boolean {
  try {
    const { attestations } = JSON.parse(text) as JsonObject // whatever else it is has none
    return Array.isArray(attestations)
  } catch {
    return false
  }
}
