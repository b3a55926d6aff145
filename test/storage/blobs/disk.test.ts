import { execFileSync } from 'node:child_process'
import { mkdir, readdir, rmdir, stat, utimes, writeFile } from 'node:fs/promises'
import { basename, dirname, join } from 'node:path'
import { expect, test } from 'vitest'
import { digestToHex } from '../../../src/base/digest.ts'
import { DiskDriver } from '../../../src/storage/blobs/disk.ts'
import { keyOf } from '../../../src/storage/blobs/key.ts'
import { SpoolingBlobStore } from '../../../src/storage/blobs/store.ts'
import { blobStoreSuite } from '../../conformance/blob-store.ts'
import { blobDriverSuite } from '../../conformance/blobs.ts'
import { fileOf, printOf } from '../../support/blobs.ts'
import { type Cleanup, temporaryFolder } from '../../support/services.ts'

const makeDisk = async (folder: string) => new DiskDriver(join(folder, 'blobs'))

blobDriverSuite('disk', makeDisk)
blobStoreSuite('disk', makeDisk)

async function diskStore(t: Cleanup) {
  const folder = await temporaryFolder(t)
  await mkdir(join(folder, 'spool'))
  const store = new SpoolingBlobStore(await makeDisk(folder), join(folder, 'spool'))
  const { digest } = await store.ingestText('hello')
  return { folder, store, path: join(folder, 'blobs', fileOf(digest)) }
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

test('blobs where they once lay, two folders deeper, are found, listed, kept and removed there', async (t) => {
  const { folder, path } = await diskStore(t)
  const print = printOf('of old')
  const former = join(folder, 'blobs', keyOf(print.digest))
  await mkdir(dirname(former), { recursive: true })
  await writeFile(former, 'of old')
  await writeFile(join(folder, 'blobs/sha512/.DS_Store'), '')
  const store = new SpoolingBlobStore(await makeDisk(folder), join(folder, 'spool'))
  expect((await Array.fromAsync(store.list())).sort()).toEqual([print.digest, printOf('hello').digest].sort())
  expect(String(await store.read(print.digest))).toBe('of old')
  await store.ingestText('of old')
  expect((await readdir(join(folder, 'blobs'))).sort()).toEqual([basename(dirname(path)), 'sha512'].sort())
  await store.remove(print.digest)
  expect(await store.stat(print.digest)).toBeUndefined()
})

test('a folder of blobs that was tidied away is made again', async (t) => {
  const { store, path } = await diskStore(t)
  await store.remove(printOf('hello').digest)
  await rmdir(dirname(path))
  await store.ingestText('hello')
  expect(String(await store.read(printOf('hello').digest))).toBe('hello')
})

test('what lies unfinished after a power cut is told by its bytes: the whole is kept, the rest is gone', async (t) => {
  const { folder } = await diskStore(t)
  const settling = join(folder, 'blobs/settling')
  await mkdir(settling)
  const left = {
    whole: printOf('whole').digest,
    cut: printOf('cut off').digest,
    empty: printOf('empty').digest,
  }
  await writeFile(join(settling, digestToHex(left.whole)), 'whole')
  await writeFile(join(settling, digestToHex(left.cut)), 'cut')
  await writeFile(join(settling, digestToHex(left.empty)), '')
  const store = new SpoolingBlobStore(await makeDisk(folder), join(folder, 'spool'))
  await store.sweepSpool(0)
  expect(await readdir(settling)).toEqual([])
  expect(String(await store.read(left.whole))).toBe('whole')
  expect(await store.stat(left.cut)).toBeUndefined()
  expect(await store.stat(left.empty)).toBeUndefined()
})

// Only root may mount; and only a full disk says that it is full.
test.runIf(process.platform === 'linux' && process.getuid?.() === 0)(
  'a full disk is told by the probe',
  async (t) => {
    const folder = await temporaryFolder(t)
    execFileSync('mount', ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder])
    t.onTestFinished(() => void execFileSync('umount', [folder]))
    const driver = new DiskDriver(join(folder, 'blobs'))
    await driver.ping()
    expect(await readdir(folder)).toEqual([])
    await expect(writeFile(join(folder, 'fill'), Buffer.alloc(2 ** 20))).rejects.toThrow('ENOSPC')
    await expect(driver.ping()).rejects.toThrow('ENOSPC')
  },
)
