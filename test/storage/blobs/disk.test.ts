import { mkdir, stat, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { digestToHex } from '../../../src/base/digest.ts'
import { DiskDriver } from '../../../src/storage/blobs/disk.ts'
import { SpoolingBlobStore } from '../../../src/storage/blobs/store.ts'
import { blobStoreSuite } from '../../conformance/blob-store.ts'
import { blobDriverSuite } from '../../conformance/blobs.ts'
import { type Cleanup, temporaryFolder } from '../../support/services.ts'

const makeDisk = async (folder: string) => new DiskDriver(join(folder, 'blobs'))

blobDriverSuite('disk', makeDisk)
blobStoreSuite('disk', makeDisk)

async function diskStore(t: Cleanup) {
  const folder = await temporaryFolder(t)
  await mkdir(join(folder, 'spool'))
  const store = new SpoolingBlobStore(await makeDisk(folder), join(folder, 'spool'))
  const { digest } = await store.ingestText('hello')
  const hex = digestToHex(digest)
  const path = join(folder, 'blobs', 'sha512', hex.slice(0, 2), hex.slice(2, 4), hex.slice(4))
  return { folder, store, path }
}

test('a blob lies under its digest, for nobody else to read', async (t) => {
  const { folder, path } = await diskStore(t)
  expect((await stat(path)).mode & 0o777).toBe(0o600)
  expect((await stat(join(folder, 'blobs'))).mode & 0o777).toBe(0o700)
})

test('taking in what is here already makes it young again', async (t) => {
  const { store, path } = await diskStore(t)
  const longAgo = new Date('2020-01-01')
  await utimes(path, longAgo, longAgo)
  await store.ingestText('hello')
  expect((await stat(path)).mtime.getTime()).toBeGreaterThan(longAgo.getTime())
})
