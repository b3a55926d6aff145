import { access, constants, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import type { Digest, Fingerprint } from '../../base/digest.ts'
import { fail } from '../../base/fault.ts'
import type { Millis } from '../../base/time.ts'
import type { BlobDriver, BlobStat, BlobStore, ByteRange, Expectation, Spool } from './blobs.ts'
import { checkLimit } from './expectation.ts'
import { SpoolFile } from './spool.ts'

/** Most source files of a package are smaller. */
const HELD = 64 * 1024

/** The store over any driver; `spool` is an existing folder, on the driver's file system when the driver renames. */
export class SpoolingBlobStore implements BlobStore {
  readonly #driver: BlobDriver
  readonly #folder: string

  constructor(driver: BlobDriver, spool: string) {
    this.#driver = driver
    this.#folder = spool
  }

  async spool(held = 0): Promise<Spool> {
    const spool = new SpoolFile({ folder: this.#folder, driver: this.#driver, held })
    if (held === 0) await spool.flush()
    return spool
  }

  async ingest(bytes: AsyncIterable<Uint8Array>, expect: Expectation = {}): Promise<Fingerprint> {
    await using spool = new SpoolFile({ folder: this.#folder, driver: this.#driver, held: HELD })
    for await (const chunk of bytes) {
      checkLimit(spool.size + chunk.length, expect)
      await spool.write(chunk)
    }
    return await spool.finish(expect)
  }

  async ingestWhole(chunks: readonly Uint8Array[]): Promise<Fingerprint> {
    await using spool = new SpoolFile({ folder: this.#folder, driver: this.#driver, held: HELD })
    for (const chunk of chunks) spool.hold(chunk)
    return await spool.finish()
  }

  ingestText(text: string): Promise<Fingerprint> {
    return this.ingestWhole([Buffer.from(text)])
  }

  async open(digest: Digest, range?: ByteRange): Promise<Readable> {
    return (await this.#driver.open(digest, range)) ?? fail('NOT_FOUND', { what: digest })
  }

  async openOriginal(digest: Digest): Promise<Readable> {
    const origin = this.#driver.origin ?? this.#driver
    return (await origin.open(digest)) ?? fail('NOT_FOUND', { what: digest })
  }

  async link(digest: Digest): Promise<string | undefined> {
    return this.#driver.link?.(digest)
  }

  async read(digest: Digest): Promise<Buffer> {
    return buffer(await this.open(digest))
  }

  stat(digest: Digest): Promise<BlobStat | undefined> {
    return this.#driver.stat(digest)
  }

  remove(digest: Digest): Promise<void> {
    return this.#driver.remove(digest)
  }

  list(): AsyncIterable<Digest> {
    return this.#driver.list()
  }

  async ping(): Promise<void> {
    await access(this.#folder, constants.W_OK)
    await this.#driver.ping()
  }

  async sweepSpool(settling: Millis): Promise<number> {
    await this.#driver.recover?.()
    const before = Date.now() - settling // files bear the machine's own time
    const names = await readdir(this.#folder)
    const swept = await Promise.all(names.map((name) => removeOlder(join(this.#folder, name), before)))
    return swept.filter(Boolean).length
  }
}

/** Whether it was there and old enough to go. */
async function removeOlder(path: string, before: Millis): Promise<boolean> {
  const found = await stat(path).catch(() => undefined) // another process was faster
  if (!found || found.mtimeMs > before) return false
  await rm(path, { recursive: true, force: true })
  return true
}
