import type { CompiledQuery } from 'kysely'
import { LRUCache } from 'lru-cache'
import type { Digest } from '../../base/digest.ts'
import { SingleFlight } from '../../base/single-flight.ts'
import type { UpstreamDocumentRow } from '../../storage/sql/database.ts'
import type { Storage } from '../../storage/storage.ts'
import { documentOfPackage } from '../../storage/tables/upstream.ts'
import { UpstreamDocument, unpackDocument } from '../upstream-document.ts'

/** Bytes of unpacked documents kept at hand: installing asks for a document and, a moment later, for tarballs it names. */
const KEPT = 16 * 2 ** 20

/** The stored documents, unpacked; those used last stay in memory. */
export class StoredDocuments {
  readonly #storage: Storage
  readonly #kept = new LRUCache<Digest, UpstreamDocument>({
    maxSize: KEPT,
    sizeCalculation: ({ size }) => size + 1,
  })
  readonly #rowOf: CompiledQuery<UpstreamDocumentRow>
  readonly #opening = new SingleFlight<UpstreamDocument>()

  constructor(storage: Storage) {
    this.#storage = storage
    this.#rowOf = documentOfPackage(storage.sql.read)
  }

  /** What is known of a package's copy. */
  row(packageId: string): Promise<UpstreamDocumentRow | undefined> {
    return this.#storage.sql.first(this.#rowOf, [packageId])
  }

  /** NOT_FOUND when the blob is lost. */
  async open({ document, encoding, package_id }: UpstreamDocumentRow): Promise<UpstreamDocument> {
    return (
      this.#kept.get(document) ??
      this.#opening.run(document, async () => {
        const packed = await this.#storage.blobs.open(document)
        const opened = new UpstreamDocument(await unpackDocument(packed, { encoding, what: package_id }))
        this.keep(document, opened)
        return opened
      })
    )
  }

  /** Has a document at hand that was just stored. */
  keep(digest: Digest, document: UpstreamDocument): void {
    this.#kept.set(digest, document)
  }
}
