import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readdir, utimes } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { afterEach, describe, expect, inject, test, vi } from 'vitest'
import type { Digest } from '../../../src/base/digest.ts'
import { silentLog } from '../../../src/base/log.ts'
import type { BlobDriver, BlobStore } from '../../../src/storage/blobs/blobs.ts'
import { CachedDriver } from '../../../src/storage/blobs/cached.ts'
import { DiskDriver } from '../../../src/storage/blobs/disk.ts'
import { openS3, S3Driver } from '../../../src/storage/blobs/s3.ts'
import { type S3Address, S3Client } from '../../../src/storage/blobs/s3-client.ts'
import { SpoolingBlobStore } from '../../../src/storage/blobs/store.ts'
import { all, fileOf, nowhere, openedBlobs } from '../../support/blobs.ts'
import { certificate } from '../../support/certificate.ts'
import { FaultyProxy } from '../../support/faulty-proxy.ts'
import { s3Address, s3Driver } from '../../support/s3.ts'
import { type Cleanup, missing, temporaryFolder } from '../../support/services.ts'

describe.skipIf(missing.s3)(missing.s3 ?? 'S3', () => {
  describe('at start, one sentence says what to mend', () => atStart())
  describe('when S3 fails', () => failing())
  describe('copies on disk', () => copies())
})

/** The sentence with which opening fails when the address differs so from a right one. */
async function sentence(other: Partial<S3Address>, right?: S3Address): Promise<string> {
  const opening = openS3({ address: { ...(right ?? (await s3Address())), ...other }, log: silentLog })
  return opening.then(
    () => 'it works',
    (error: Error) => error.message,
  )
}

function atStart(): void {
  afterEach(() => vi.useRealTimers())

  test.for<{ what: string; other: Partial<S3Address>; says: string }>([
    {
      what: 'no server',
      other: { endpoint: 'http://127.0.0.1:1' },
      says: 'does not answer (ECONNREFUSED); look at S3_ENDPOINT',
    },
    { what: 'a wrong secret', other: { secretAccessKey: 'wrong' }, says: 'S3_SECRET_ACCESS_KEY is wrong' },
    { what: 'an unknown key', other: { accessKeyId: 'nobody:here' }, says: 'S3_ACCESS_KEY_ID' },
    { what: 'no such bucket', other: { bucket: 'nowhere' }, says: 'there is no such bucket' },
    { what: 'another region', other: { region: 'mars-1' }, says: 'S3_REGION is not the region' },
    { what: 'nothing wrong', other: {}, says: 'it works' },
  ])('$what', async ({ other, says }) => {
    expect(await sentence(other)).toContain(says)
  })

  test('a clock that is wrong by an hour', async () => {
    const right = await s3Address()
    vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + 3_600_000 })
    expect(await sentence({}, right)).toContain('set the clock')
  })

  test('a certificate that nobody vouches for, until S3_CA does', async (t) => {
    const { key, cert } = await certificate(await temporaryFolder(t))
    await using proxy = await FaultyProxy.start(inject('s3').url ?? '', { key, cert })
    const endpoint = `https://127.0.0.1:${proxy.port}`
    expect(await sentence({ endpoint })).toContain('not trusted (DEPTH_ZERO_SELF_SIGNED_CERT)')
    expect(await sentence({ endpoint, ca: cert })).toBe('it works')
    expect(await sentence({ endpoint: endpoint.replace('https', 'http') })).toContain('does not answer')
    expect(await sentence({ endpoint: inject('s3').url?.replace('http', 'https') ?? '' })).toContain('TLS')
  })
}

const LARGE = randomBytes(3_000_000)

/** A store with copies on disk over an S3 that can be told to fail. `forget` is a store without those copies. */
async function faulty(t: Cleanup, budget = 2 ** 30) {
  const proxy = await FaultyProxy.start(inject('s3').url ?? '')
  t.onTestFinished(() => proxy[Symbol.asyncDispose]())
  const origin = await s3Driver(`http://127.0.0.1:${proxy.port}`)
  t.onTestFinished(() => origin.close())
  const opened = (at: string) =>
    openedBlobs(t, async (folder) => {
      const disk = new DiskDriver(join(folder, at))
      return new CachedDriver(origin, { disk, spool: join(folder, 'spool'), budget, log: silentLog })
    })
  const [first, second] = await Promise.all([opened('copies'), opened('copies')])
  return { proxy, origin, store: first.store, other: second.store, otherSpool: second.spool }
}

function ingestLarge(store: BlobStore) {
  return store.ingest(Readable.from([LARGE]))
}

function failing(): void {
  test('what is damaged on the way is told from what was stored, and not kept', async (t) => {
    const { proxy, store, other, otherSpool } = await faulty(t)
    const text = `${'x'.repeat(200_000)}honest${'y'.repeat(200_000)}`
    const { digest } = await store.ingestText(text)
    proxy.become({ turn: 'honest', into: 'forged' })
    await expect(other.read(digest)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(await readdir(otherSpool)).toEqual([])
    proxy.become('none')
    expect(String(await other.read(digest))).toBe(text)
  })

  test('whether it answers is told', async (t) => {
    const { proxy, store } = await faulty(t)
    await store.ping()
    proxy.become('gone')
    await expect(store.ping()).rejects.toThrow('does not answer')
    proxy.become('none')
    await store.ping()
  })

  test('an answer that breaks off is gone on with', async (t) => {
    const { proxy, origin, store, other } = await faulty(t)
    const { digest } = await ingestLarge(store)
    proxy.become({ cutAfter: 500_000, times: 2 })
    expect((await other.read(digest)).equals(LARGE)).toBe(true)
    proxy.become({ cutAfter: 500_000, times: 1 })
    const part = await origin.open(digest, { start: 10, end: 2_000_009 })
    expect(part && (await buffer(part)).equals(LARGE.subarray(10, 2_000_010))).toBe(true)
  })

  test('an answer that breaks off again and again is an error at the end, and not kept', async (t) => {
    const { proxy, store, other, otherSpool } = await faulty(t)
    const { digest } = await ingestLarge(store)
    proxy.become({ cutAfter: 100_000, times: 100 })
    await expect(other.read(digest)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    expect(await readdir(otherSpool)).toEqual([])
    proxy.become('none')
    expect((await other.read(digest)).equals(LARGE)).toBe(true)
  })

  test('without S3 the copies are read, all else is UNAVAILABLE, and it comes back by itself', async (t) => {
    const { proxy, store, other } = await faulty(t)
    const { digest } = await store.ingestText('hello')
    proxy.become('gone')
    expect(String(await store.read(digest))).toBe('hello')
    expect(await store.stat(digest)).toMatchObject({ size: 5 })
    const failing = [
      other.read(digest),
      other.stat(digest),
      store.read(nowhere),
      store.ingestText('more'),
      store.remove(digest),
      all(store.list()),
    ]
    await Promise.all(failing.map((it) => expect(it).rejects.toMatchObject({ code: 'UNAVAILABLE' })))
    proxy.become('none')
    expect(await all(store.list())).toEqual([digest])
    expect(String(await other.read(digest))).toBe('hello')
  })

  test('a silent S3 holds nobody up who needs it not', async (t) => {
    const { proxy, store, other } = await faulty(t)
    const { digest } = await store.ingestText('hello')
    proxy.become('silence')
    const waiting = Promise.allSettled([other.read(digest), store.ingestText('more')])
    expect(String(await store.read(digest))).toBe('hello')
    proxy.become('none') // which ends the silent connections
    expect(await waiting).toMatchObject([{ status: 'fulfilled' }, { status: 'fulfilled' }])
  })

  test('an upload that breaks is sent again', async (t) => {
    const { proxy, store, other } = await faulty(t)
    proxy.become({ cutAfter: 0, times: 1 })
    const { digest } = await ingestLarge(store)
    proxy.become('none')
    expect((await other.read(digest)).equals(LARGE)).toBe(true)
  })

  test('a bucket that is taken away is no reason to believe that anything was stored', async (t) => {
    const { driver, adopt } = await openedBlobs(t, async () => {
      const client = new S3Client({ ...(await s3Address()), bucket: 'nowhere' })
      return new S3Driver(client, { prefix: '', log: silentLog })
    })
    await expect(adopt('more')).rejects.toMatchObject({ code: 'UNAVAILABLE' })
    await expect(driver.open(nowhere)).rejects.toMatchObject({ code: 'UNAVAILABLE' })
  })
}

const BUDGET = 100_000

/** A store with copies over an S3 that counts what is asked of it. */
async function copying(t: Cleanup) {
  const folder = await temporaryFolder(t)
  const origin = await s3Driver()
  const asked = vi.spyOn(origin, 'open')
  const spool = join(folder, 'spool')
  await mkdir(spool)
  const open = () => {
    const disk = new DiskDriver(join(folder, 'copies'))
    t.onTestFinished(() => disk.settled())
    const driver = new CachedDriver(origin, { disk, spool, budget: BUDGET, log: silentLog })
    return new SpoolingBlobStore(driver, spool)
  }
  const direct = new SpoolingBlobStore(origin, spool)
  const disk = new DiskDriver(join(folder, 'copies'))
  return { folder, open, direct, disk, asked }
}

async function sizeOf(disk: BlobDriver): Promise<number> {
  const stats = await Promise.all((await all(disk.list())).map((digest) => disk.stat(digest)))
  return stats.reduce((sum, stat) => sum + (stat?.size ?? 0), 0)
}

function copies(): void {
  test('many who ask at once are one download, and it is the last', async (t) => {
    const { open, direct, asked } = await copying(t)
    const { digest } = await direct.ingestText('hello')
    const store = open()
    const texts = await Promise.all(Array.from({ length: 20 }, () => store.read(digest)))
    expect(texts.map(String)).toEqual(Array(20).fill('hello'))
    expect(String(await open().read(digest))).toBe('hello') // another process, or after a restart
    expect(asked).toHaveBeenCalledOnce()
  })

  test('what came in is here already', async (t) => {
    const { open, asked } = await copying(t)
    const store = open()
    const { digest } = await store.ingestText('hello')
    expect(String(await store.read(digest))).toBe('hello')
    expect(asked).not.toHaveBeenCalled()
  })

  test('the budget is kept, and those used last stay', async (t) => {
    const { folder, open, direct, disk } = await copying(t)
    const store = open()
    const prints: Digest[] = []
    for (let age = 9; age > 0; age -= 1) {
      const { digest } = await store.ingest(Readable.from([randomBytes(9_000)]))
      const then = new Date(Date.now() - age * 3_600_000)
      const copy = join(folder, 'copies', fileOf(digest))
      await vi.waitUntil(() => existsSync(copy)) // it settles behind our back
      await utimes(copy, then, then)
      prints.push(digest)
    }
    const [oldest = nowhere, old = nowhere] = prints
    await store.read(oldest)
    await vi.waitUntil(async () => Date.now() - ((await disk.stat(oldest))?.modifiedAt ?? 0) < 60_000)
    const { digest } = await direct.ingest(Readable.from([randomBytes(20_000)]))
    await store.read(digest)
    await vi.waitUntil(async () => (await sizeOf(disk)) <= BUDGET)
    expect(await disk.stat(oldest)).toBeDefined()
    expect(await disk.stat(old)).toBeUndefined()
    expect(await all(direct.list())).toHaveLength(10)
    expect(await store.read(old)).toHaveLength(9_000)
  })

  test('what is larger than the budget is read all the same, and stays no longer', async (t) => {
    const { open, direct, disk } = await copying(t)
    const store = open()
    const kept = await store.ingestText('kept')
    const { digest } = await direct.ingest(Readable.from([LARGE]))
    expect((await store.read(digest)).equals(LARGE)).toBe(true)
    await vi.waitUntil(async () => (await disk.stat(digest)) === undefined)
    expect(await disk.stat(kept.digest)).toBeDefined()
  })
}
