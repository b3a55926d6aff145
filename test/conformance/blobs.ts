import { createHash, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import fc from 'fast-check'
import { describe, expect, type TestContext, test } from 'vitest'
import type { Digest, Fingerprint } from '../../src/base/digest.ts'
import { type Fault, isFault } from '../../src/base/fault.ts'
import type { BlobDriver } from '../../src/storage/blobs/blobs.ts'
import { SpoolingBlobStore } from '../../src/storage/blobs/store.ts'
import { temporaryFolder } from '../support/services.ts'

/** Makes an empty driver; `folder` is an empty folder it may use, whose subfolder `spool` holds what it adopts. */
export type MakeDriver = (folder: string) => Promise<BlobDriver>

const hash = (algorithm: string, bytes: Uint8Array | string) => createHash(algorithm).update(bytes).digest()
const sri = (algorithm: string, bytes: Uint8Array | string) =>
  `${algorithm}-${hash(algorithm, bytes).toString('base64')}`

function printOf(bytes: Uint8Array | string): Fingerprint {
  // A base64 sha512 by construction.
  const digest = sri('sha512', bytes) as Digest
  return { digest, sha1: hash('sha1', bytes).toString('hex'), size: Buffer.byteLength(bytes) }
}

const nowhere = printOf('never stored').digest

async function opened(t: TestContext, make: MakeDriver) {
  const folder = await temporaryFolder(t)
  const spool = join(folder, 'spool')
  await mkdir(spool)
  const driver = await make(folder)
  const adopt = async (text: string) => {
    const spooled = join(spool, randomBytes(8).toString('hex'))
    await writeFile(spooled, text)
    await driver.adopt(spooled, printOf(text))
    return printOf(text).digest
  }
  return { driver, adopt, spool, store: new SpoolingBlobStore(driver, spool) }
}

const all = <T>(items: AsyncIterable<T>): Promise<T[]> => Array.fromAsync(items)

/** What every place for blobs must do alike. */
export function blobDriverSuite(name: string, make: MakeDriver): void {
  describe(`blob driver (${name})`, () => {
    test('an adopted blob is there and its spool file is gone', async (t) => {
      const { driver, adopt, spool } = await opened(t, make)
      const digest = await adopt('hello')
      const stream = await driver.open(digest)
      expect(stream && String(await buffer(stream))).toBe('hello')
      expect(await driver.stat(digest)).toMatchObject({ size: 5 })
      expect(await readdir(spool)).toEqual([])
    })

    test('a blob that is not here is undefined everywhere', async (t) => {
      const { driver } = await opened(t, make)
      expect(await driver.open(nowhere)).toBeUndefined()
      expect(await driver.stat(nowhere)).toBeUndefined()
      expect(await driver.keep(nowhere)).toBe(false)
      expect(await all(driver.list())).toEqual([])
      await driver.remove(nowhere)
    })

    test('an empty blob is a blob', async (t) => {
      const { driver, adopt } = await opened(t, make)
      const stream = await driver.open(await adopt(''))
      expect(stream && (await buffer(stream))).toHaveLength(0)
    })

    test.for([
      { start: 0, end: 0, text: '0' },
      { start: 3, end: 5, text: '345' },
      { start: 9, end: 20, text: '9' },
    ])('the range $start to $end includes both ends', async ({ text, ...range }, t) => {
      const { driver, adopt } = await opened(t, make)
      const stream = await driver.open(await adopt('0123456789'), range)
      expect(stream && String(await buffer(stream))).toBe(text)
    })

    test('two adopters of the same bytes both succeed and leave one blob', async (t) => {
      const { driver, adopt, spool } = await opened(t, make)
      const digests = await Promise.all(Array.from({ length: 8 }, () => adopt('twins')))
      expect(await all(driver.list())).toEqual([digests[0]])
      expect(await readdir(spool)).toEqual([])
    })

    test('a blob that is here is kept', async (t) => {
      const { driver, adopt } = await opened(t, make)
      expect(await driver.keep(await adopt('hello'))).toBe(true)
    })

    test('the list names every blob, and no removed one', async (t) => {
      const { driver, adopt } = await opened(t, make)
      const digests = await Promise.all(['a', 'b', 'c'].map(adopt))
      expect((await all(driver.list())).sort()).toEqual(digests.toSorted())
      await driver.remove(digests[0] ?? nowhere)
      expect((await all(driver.list())).sort()).toEqual(digests.slice(1).toSorted())
    })

    test('a stream that was open before its blob was removed goes on', async (t) => {
      const { driver, adopt } = await opened(t, make)
      const digest = await adopt('hello')
      const stream = await driver.open(digest)
      await driver.remove(digest)
      expect(stream && String(await buffer(stream))).toBe('hello')
    })
  })
}

async function* chunks(...parts: (Uint8Array | string)[]): AsyncIterable<Uint8Array> {
  for (const part of parts) yield Buffer.from(part)
}

async function faultOf(work: Promise<unknown>): Promise<Fault> {
  const outcome = await work.then(
    () => undefined,
    (error: unknown) => error,
  )
  if (isFault(outcome)) return outcome
  throw new Error('A Fault was expected', { cause: outcome })
}

/** What the store does over any driver. */
export function blobStoreSuite(name: string, make: MakeDriver): void {
  describe(`blob store (${name})`, () => {
    describe('taking in', () => intake(make))
    describe('promises', () => promises(make))
    describe('the spool', () => spooling(make))
  })
}

function intake(make: MakeDriver): void {
  test.for([0, 1, 1000, 64 * 1024, 64 * 1024 + 1, 500_000])(
    '%i bytes come back as they came',
    async (size, t) => {
      const { store, spool } = await opened(t, make)
      const bytes = randomBytes(size)
      const print = await store.ingest(chunks(bytes.subarray(0, size / 3), bytes.subarray(size / 3)))
      expect(print).toEqual(printOf(bytes))
      expect((await store.read(print.digest)).equals(bytes)).toBe(true)
      expect(await store.stat(print.digest)).toMatchObject({ size })
      expect(await readdir(spool)).toEqual([])
    },
  )

  test('however the bytes are cut, the fingerprint is the same', async (t) => {
    const { store } = await opened(t, make)
    const parts = fc.array(fc.uint8Array({ maxLength: 40_000, size: 'max' }), { maxLength: 6 })
    const property = fc.asyncProperty(parts, async (cut) => {
      expect(await store.ingest(chunks(...cut))).toEqual(printOf(Buffer.concat(cut)))
    })
    await fc.assert(property, { numRuns: 30 })
  })

  test('a sender may use its buffer again', async (t) => {
    const { store } = await opened(t, make)
    const shared = Buffer.alloc(4)
    async function* sender() {
      for (const word of ['abcd', 'efgh']) {
        shared.write(word)
        yield shared
      }
    }
    const { digest } = await store.ingest(sender())
    expect(String(await store.read(digest))).toBe('abcdefgh')
  })

  test('the same bytes twice are one blob', async (t) => {
    const { store, spool } = await opened(t, make)
    const senders = Array.from({ length: 20 }, () => store.ingest(chunks(Buffer.alloc(100_000, 'x'))))
    const prints = await Promise.all([...senders, store.ingestText('x'.repeat(100_000))])
    expect(new Set(prints.map(({ digest }) => digest)).size).toBe(1)
    expect(await all(store.list())).toHaveLength(1)
    expect(await readdir(spool)).toEqual([])
  })

  test('a source that fails passes its error on and leaves nothing', async (t) => {
    const { store, spool } = await opened(t, make)
    async function* broken() {
      yield Buffer.alloc(100_000)
      throw new Error('the line went dead')
    }
    await expect(store.ingest(broken())).rejects.toThrow('the line went dead')
    expect(await readdir(spool)).toEqual([])
    expect(await all(store.list())).toEqual([])
  })

  test('opening what is not here is NOT_FOUND', async (t) => {
    const { store } = await opened(t, make)
    expect((await faultOf(store.open(nowhere))).code).toBe('NOT_FOUND')
    expect((await faultOf(store.read(nowhere))).code).toBe('NOT_FOUND')
  })

  test('a removed blob can be taken in again', async (t) => {
    const { store } = await opened(t, make)
    const { digest } = await store.ingestText('again')
    await store.remove(digest)
    expect(await store.stat(digest)).toBeUndefined()
    await store.ingestText('again')
    expect(String(await store.read(digest))).toBe('again')
  })
}

function promises(make: MakeDriver): void {
  const kept = [
    { what: 'the size', expect: { size: 5 } },
    { what: 'the sha1', expect: { sha1: hash('sha1', 'hello').toString('hex').toUpperCase() } },
    ...['sha1', 'sha256', 'sha384', 'sha512'].map((algorithm) => ({
      what: `the ${algorithm} integrity`,
      expect: { integrity: sri(algorithm, 'hello') },
    })),
    {
      what: 'one of two hashes',
      expect: { integrity: `${sri('sha512', 'other')} ${sri('sha512', 'hello')}` },
    },
    {
      what: 'the strongest hash',
      expect: { integrity: `${sri('sha1', 'other')} ${sri('sha512', 'hello')}` },
    },
    { what: 'the limit', expect: { limit: 5 } },
  ]
  test.for(kept)('content that keeps to $what is taken', async ({ expect: promise }, t) => {
    const { store } = await opened(t, make)
    expect(await store.ingest(chunks('hel', 'lo'), promise)).toEqual(printOf('hello'))
  })

  const broken = [
    { what: 'the size', expect: { size: 6 } },
    { what: 'the sha1', expect: { sha1: hash('sha1', 'other').toString('hex') } },
    ...['sha1', 'sha256', 'sha384', 'sha512'].map((algorithm) => ({
      what: `the ${algorithm} integrity`,
      expect: { integrity: sri(algorithm, 'other') },
    })),
    {
      what: 'the strongest hash',
      expect: { integrity: `${sri('sha1', 'hello')} ${sri('sha512', 'other')}` },
    },
    { what: 'an integrity nobody can read', expect: { integrity: 'md5-abc nonsense' } },
    { what: 'an empty integrity', expect: { integrity: '' } },
  ]
  test.for(broken)('content that breaks $what is an INTEGRITY_MISMATCH', async ({ expect: promise }, t) => {
    const { store, spool } = await opened(t, make)
    const large = Buffer.alloc(100_000)
    expect((await faultOf(store.ingest(chunks('hello'), promise))).code).toBe('INTEGRITY_MISMATCH')
    expect((await faultOf(store.ingest(chunks(large), promise))).code).toBe('INTEGRITY_MISMATCH')
    expect(await all(store.list())).toEqual([])
    expect(await readdir(spool)).toEqual([])
  })

  test('one byte over the limit is TOO_LARGE, and the source is told to stop', async (t) => {
    const { store, spool } = await opened(t, make)
    let stopped = false
    async function* endless() {
      try {
        for (;;) yield Buffer.alloc(1000)
      } finally {
        stopped = true
      }
    }
    const fault = await faultOf(store.ingest(endless(), { limit: 200_500, what: 'The tarball' }))
    expect(fault).toMatchObject({ code: 'TOO_LARGE', detail: { what: 'The tarball', limit: 200_500 } })
    expect(stopped).toBe(true)
    expect(await readdir(spool)).toEqual([])
  })
}

function spooling(make: MakeDriver): void {
  test('a growing file can be followed up to its size', async (t) => {
    const { store, spool } = await opened(t, make)
    await using growing = await store.spool()
    await growing.write(Buffer.from('hello '))
    expect(growing.size).toBe(6)
    const sofar = createReadStream(growing.path, { start: 0, end: growing.size - 1 })
    expect(String(await buffer(sofar))).toBe('hello ')
    await growing.write(Buffer.from('world'))
    expect(await growing.finish({ size: 11 })).toEqual(printOf('hello world'))
    expect(await readdir(spool)).toEqual([])
    expect(String(await store.read(printOf('hello world').digest))).toBe('hello world')
  })

  test('an aborted or forgotten file leaves nothing', async (t) => {
    const { store, spool } = await opened(t, make)
    const aborted = await store.spool()
    await aborted.write(Buffer.from('hello'))
    await aborted.abort()
    await aborted.abort()
    {
      await using forgotten = await store.spool()
      await forgotten.write(Buffer.from('hello'))
    }
    expect(await readdir(spool)).toEqual([])
    expect(await all(store.list())).toEqual([])
  })

  test('a finished file takes no more', async (t) => {
    const { store } = await opened(t, make)
    const done = await store.spool()
    await done.finish()
    await expect(done.write(Buffer.from('late'))).rejects.toThrow('finished')
  })

  test('a broken promise at the end leaves nothing', async (t) => {
    const { store, spool } = await opened(t, make)
    const growing = await store.spool()
    await growing.write(Buffer.from('hello'))
    const promise = growing.finish({ integrity: sri('sha256', 'other') })
    expect((await faultOf(promise)).code).toBe('INTEGRITY_MISMATCH')
    expect(await readdir(spool)).toEqual([])
  })

  test('sweeping removes what crashed writers left', async (t) => {
    const { store, spool } = await opened(t, make)
    await writeFile(join(spool, 'left-behind'), 'half')
    expect(await store.sweepSpool()).toBe(1)
    expect(await readdir(spool)).toEqual([])
  })
}
