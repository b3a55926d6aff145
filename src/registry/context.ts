import type { Log } from '../base/log.ts'
import type { Clock } from '../base/time.ts'
import type { Storage } from '../storage/storage.ts'

/** What every service of the registry works with. */
export type Context = {
  readonly storage: Storage
  readonly clock: Clock
  readonly log: Log
  readonly limits: Limits
  /** The registry's name in `ns@host/name`: the public address without its scheme. */
  readonly host: () => string
}

export type Limits = {
  /** Bytes of one tarball, or of all files of one version published file by file. */
  readonly tarball: number
  /** Bytes of a version's files when unpacked. */
  readonly unpacked: number
  readonly files: number
  readonly dependencies: number
}
