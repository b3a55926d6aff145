import type { Fingerprint } from '../base/digest.ts'
import type { Expectation, Spool } from '../storage/blobs/blobs.ts'
import type { Access } from './access.ts'
import type { Context, Limits } from './context.ts'
import type { Caller } from './model.ts'

/** The registry itself, and how content comes in before it belongs to any package. */
export interface Foundation {
  readonly limits: Limits
  /** The registry's name in `ns@host/name`. */
  host(): string
  /** Takes bytes of somebody who may publish, hashed on their way in. TOO_LARGE, INTEGRITY_MISMATCH. */
  ingest(caller: Caller, bytes: AsyncIterable<Uint8Array>, expect?: Expectation): Promise<Fingerprint>
  /** As ingest, for those who must write piece by piece; the writer keeps count of its own limits. */
  spool(caller: Caller): Promise<Spool>
  /** Resolves when the database answers. */
  ready(): Promise<void>
}

export function createFoundation({ storage, limits, host }: Context, access: Access): Foundation {
  return {
    limits,
    host,
    ready: () => storage.sql.ping(),
    ingest(caller, bytes, expect) {
      access.writer(caller)
      return storage.blobs.ingest(bytes, { limit: limits.tarball, ...expect })
    },
    spool(caller) {
      access.writer(caller)
      return storage.blobs.spool()
    },
  }
}
