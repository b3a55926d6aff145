import { createHash } from 'node:crypto'
import { join } from 'node:path'
import type { Log } from '../../src/base/log.ts'
import { type Clock, days, type Millis, minutes, seconds } from '../../src/base/time.ts'
import { createMirror, type Mirror, type MirrorPolicy } from '../../src/registry/mirror.ts'
import type { PackageHead } from '../../src/registry/model.ts'
import { Network } from '../../src/registry/network.ts'
import { headOf } from '../../src/registry/package-head.ts'
import { createUpstream, type UpstreamOptions } from '../../src/registry/upstream.ts'
import type { PackageRow } from '../../src/storage/sql/database.ts'
import { openStorage, type Storage } from '../../src/storage/storage.ts'
import { temporaryFolder } from './temporary-folder.ts'
import { type ScriptedPackages, type ScriptedUpstream, startUpstream } from './upstream.ts'

/** A clock that stands still until it is turned. */
export class TurnedClock implements Clock {
  #now = Date.parse('2026-01-01T00:00:00Z')

  now(): Millis {
    return this.#now
  }

  turn(by: Millis): void {
    this.#now += by
  }
}

/** A log that remembers what was said. */
export class RememberingLog implements Log {
  readonly said: { readonly level: string; readonly message: string; readonly fields: object }[] = []
  readonly debug = this.#level('debug')
  readonly info = this.#level('info')
  readonly warn = this.#level('warn')
  readonly error = this.#level('error')

  #level(level: string) {
    return (fields: object, message: string) => void this.said.push({ level, message, fields })
  }
}

export type TestMirrorOptions = {
  readonly packages?: ScriptedPackages
  readonly policy?: Partial<MirrorPolicy>
  readonly upstream?: Partial<UpstreamOptions>
}

/** A mirror over storage of its own and a scripted upstream. */
export class TestMirror implements AsyncDisposable {
  readonly upstream: ScriptedUpstream
  readonly storage: Storage
  readonly folder: string
  readonly clock = new TurnedClock()
  readonly log = new RememberingLog()
  readonly #options: TestMirrorOptions
  readonly #opened: AsyncDisposableStack
  mirror: Mirror

  constructor(
    parts: { upstream: ScriptedUpstream; storage: Storage; folder: string; opened: AsyncDisposableStack },
    options: TestMirrorOptions,
  ) {
    this.upstream = parts.upstream
    this.storage = parts.storage
    this.folder = parts.folder
    this.#opened = parts.opened
    this.#options = options
    this.mirror = this.#make({})
  }

  /** As a restart would: the same storage, nothing in memory, another policy if wanted. */
  async reopen(policy: Partial<MirrorPolicy> = {}): Promise<void> {
    await this.mirror.close()
    this.mirror = this.#make(policy)
  }

  /** Fetches a package for the first time. */
  async head(name: string): Promise<PackageHead> {
    return headOf(await this.mirror.refresh(name))
  }

  row(name: string): Promise<PackageRow> {
    return this.storage.sql.read
      .selectFrom('package')
      .selectAll()
      .where('npm_name', '=', name)
      .executeTakeFirstOrThrow()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mirror.close()
    await this.#opened.disposeAsync()
  }

  #make(policy: Partial<MirrorPolicy>): Mirror {
    const { url } = this.upstream
    const { mode, ...rest } = { ...this.#options.policy, ...policy }
    return createMirror({
      storage: this.storage,
      network: new Network(this.storage.sql, mode),
      upstream: createUpstream({
        url,
        timeout: seconds(5),
        retryPause: 1,
        clock: this.clock,
        ...this.#options.upstream,
      }),
      clock: this.clock,
      log: this.log,
      policy: {
        packumentTtl: minutes(5),
        staleLimit: days(1),
        ...rest,
      },
    })
  }
}

export async function testMirror(options: TestMirrorOptions = {}): Promise<TestMirror> {
  await using opening = new AsyncDisposableStack()
  const { path: folder } = opening.use(await temporaryFolder())
  const migrations = join(import.meta.dirname, '../../migrations')
  const log = new RememberingLog()
  const storage = opening.use(await openStorage({ folder, migrations, log }))
  const upstream = opening.use(await startUpstream(options))
  return new TestMirror({ upstream, storage, folder, opened: opening.move() }, options)
}

/** A file that does not compress, of so many bytes and always the same: for tarballs that take more than one piece. */
export function noise(bytes: number): Buffer {
  return createHash('shake256', { outputLength: bytes }).update('noise').digest()
}
