import { isFault } from '../../base/fault.ts'
import { SingleFlight } from '../../base/single-flight.ts'
import type { Clock } from '../../base/time.ts'
import type { VersionRow } from '../../storage/sql/database.ts'
import type { Storage } from '../../storage/storage.ts'
import { bumpPackage } from '../../storage/tables/packages.ts'
import { listContained } from '../../storage/tables/upstream.ts'
import { findVersion, updateVersion } from '../../storage/tables/versions.ts'
import type { PackageHead } from '../model.ts'
import type { Policy } from '../policy.ts'
import { type Contained, inspect } from './inspection.ts'

const NOTHING: ReadonlyMap<string, Contained> = new Map()

/** What mirrored tarballs really hold, for the rules that ask. Where none does, nothing is looked up. */
export class Insides {
  readonly #storage: Storage
  readonly #clock: Clock
  readonly #policy: Policy
  readonly #looking = new SingleFlight<Contained | undefined>()

  constructor(parts: { storage: Storage; clock: Clock; policy: Policy }) {
    this.#storage = parts.storage
    this.#clock = parts.clock
    this.#policy = parts.policy
  }

  /** Of a package's versions, as far as somebody has looked. */
  async known(head: PackageHead): Promise<ReadonlyMap<string, Contained>> {
    if (!this.#policy.readsManifests) return NOTHING
    const rows = await listContained(this.#storage.sql.read, head.id)
    return new Map(rows.map(({ version, contained }) => [version, parsed(contained)]))
  }

  /** Of one version; looks into its tarball where that is stored and nobody has looked yet. UPSTREAM_INVALID. */
  async of(head: PackageHead, version: string): Promise<Contained | undefined> {
    if (!this.#policy.readsManifests) return undefined
    const row = await findVersion(this.#storage.sql.read, head.id, version)
    if (row?.contained != null) return parsed(row.contained)
    if (!row?.tarball) return undefined
    return this.#looking.run(`${head.id}@${version}`, () => this.#look(head, row))
  }

  async #look(head: PackageHead, { version, tarball }: VersionRow): Promise<Contained | undefined> {
    if (tarball === null) return undefined
    const bytes = await this.#storage.blobs.open(tarball).catch((error: unknown) => {
      if (isFault(error, 'NOT_FOUND')) return undefined // lost, and fetched again with the next download
      throw error
    })
    if (!bytes) return undefined
    const contained = await inspect(`${head.npmName}@${version}`, bytes)
    await this.#storage.sql.transaction(async (tx) => {
      const change = { contained: JSON.stringify(contained) }
      if (await updateVersion(tx, { packageId: head.id, version }, change))
        await bumpPackage(tx, head.id, this.#clock.now())
    })
    return contained
  }
}

/** We wrote it ourselves. */
const parsed = (text: string) => JSON.parse(text) as Contained
