import { createHash, randomBytes } from 'node:crypto'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Digest, digestToHex, type Fingerprint } from '../../src/base/digest.ts'
import type { BlobDriver, Durability } from '../../src/storage/blobs/blobs.ts'
import { SpoolingBlobStore } from '../../src/storage/blobs/store.ts'
import { type Cleanup, temporaryFolder } from './services.ts'

/** Makes an empty driver; `folder` is an empty folder it may use, whose subfolder `spool` holds what it adopts. */
export type MakeDriver = (folder: string) => Promise<BlobDriver>

export const hash = (algorithm: string, bytes: Uint8Array | string) =>
  createHash(algorithm).update(bytes).digest()
export const sri = (algorithm: string, bytes: Uint8Array | string) =>
  `${algorithm}-${hash(algorithm, bytes).toString('base64')}`

export function printOf(bytes: Uint8Array | string): Fingerprint {
  // A base64 sha512 by construction.
  const digest = sri('sha512', bytes) as Digest
  return { digest, sha1: hash('sha1', bytes).toString('hex'), size: Buffer.byteLength(bytes) }
}

/** Where the disk driver keeps a blob below its root. */
export function fileOf(digest: Digest): string {
  const hex = digestToHex(digest)
  return join(hex.slice(0, 2), hex.slice(2))
}

/** The address of nothing. */
export const nowhere = printOf('never stored').digest

/** A driver and a store over it, in a folder that goes away with the test. */
export async function openedBlobs(t: Cleanup, make: MakeDriver) {
  const folder = await temporaryFolder(t)
  const spool = join(folder, 'spool')
  await mkdir(spool)
  const driver = await make(folder)
  const adopt = async (text: string, { durability = 'now' }: { durability?: Durability } = {}) => {
    const spooled = join(spool, randomBytes(8).toString('hex'))
    await writeFile(spooled, text)
    await driver.adopt(spooled, printOf(text), durability)
    return printOf(text).digest
  }
  t.onTestFinished(async () => driver.settled?.())
  return { driver, adopt, spool, store: new SpoolingBlobStore(driver, spool) }
}

export const all = <T>(items: AsyncIterable<T>): Promise<T[]> => Array.fromAsync(items)
