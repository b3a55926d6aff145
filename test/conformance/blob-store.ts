import { randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { buffer } from 'node:stream/consumers'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { type Fault, isFault } from '../../src/base/fault.ts'
import { all, hash, type MakeDriver, nowhere, openedBlobs, printOf, sri } from '../support/blobs.ts'

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
      const { store, spool } = await openedBlobs(t, make)
      const bytes = randomBytes(size)
      const print = await store.ingest(chunks(bytes.subarray(0, size / 3), bytes.subarray(size / 3)))
      expect(print).toEqual(printOf(bytes))
      expect((await store.read(print.digest)).equals(bytes)).toBe(true)
      expect(await store.stat(print.digest)).toMatchObject({ size })
      expect(await readdir(spool)).toEqual([])
    },
  )

  test('however the bytes are cut, the fingerprint is the same', async (t) => {
    const { store } = await openedBlobs(t, make)
    const parts = fc.array(fc.uint8Array({ maxLength: 40_000, size: 'max' }), { maxLength: 6 })
    const property = fc.asyncProperty(parts, async (cut) => {
      expect(await store.ingest(chunks(...cut))).toEqual(printOf(Buffer.concat(cut)))
    })
    await fc.assert(property, { numRuns: 30 })
  })

  test('a sender may use its buffer again', async (t) => {
    const { store } = await openedBlobs(t, make)
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
    const { store, spool } = await openedBlobs(t, make)
    const senders = Array.from({ length: 20 }, () => store.ingest(chunks(Buffer.alloc(100_000, 'x'))))
    const prints = await Promise.all([...senders, store.ingestText('x'.repeat(100_000))])
    expect(new Set(prints.map(({ digest }) => digest)).size).toBe(1)
    expect(await all(store.list())).toHaveLength(1)
    expect(await readdir(spool)).toEqual([])
  })

  test('a source that fails passes its error on and leaves nothing', async (t) => {
    const { store, spool } = await openedBlobs(t, make)
    async function* broken() {
      yield Buffer.alloc(100_000)
      throw new Error('the line went dead')
    }
    await expect(store.ingest(broken())).rejects.toThrow('the line went dead')
    expect(await readdir(spool)).toEqual([])
    expect(await all(store.list())).toEqual([])
  })

  test('opening what is not here is NOT_FOUND', async (t) => {
    const { store } = await openedBlobs(t, make)
    expect((await faultOf(store.open(nowhere))).code).toBe('NOT_FOUND')
    expect((await faultOf(store.read(nowhere))).code).toBe('NOT_FOUND')
  })

  test('a removed blob can be taken in again', async (t) => {
    const { store } = await openedBlobs(t, make)
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
    const { store } = await openedBlobs(t, make)
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
    const { store, spool } = await openedBlobs(t, make)
    const large = Buffer.alloc(100_000)
    expect((await faultOf(store.ingest(chunks('hello'), promise))).code).toBe('INTEGRITY_MISMATCH')
    expect((await faultOf(store.ingest(chunks(large), promise))).code).toBe('INTEGRITY_MISMATCH')
    expect(await all(store.list())).toEqual([])
    expect(await readdir(spool)).toEqual([])
  })

  test('one byte over the limit is TOO_LARGE, and the source is told to stop', async (t) => {
    const { store, spool } = await openedBlobs(t, make)
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
    const { store, spool } = await openedBlobs(t, make)
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
    const { store, spool } = await openedBlobs(t, make)
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
    const { store } = await openedBlobs(t, make)
    const done = await store.spool()
    await done.finish()
    await expect(done.write(Buffer.from('late'))).rejects.toThrow('finished')
  })

  test('a broken promise at the end leaves nothing', async (t) => {
    const { store, spool } = await openedBlobs(t, make)
    const growing = await store.spool()
    await growing.write(Buffer.from('hello'))
    const promise = growing.finish({ integrity: sri('sha256', 'other') })
    expect((await faultOf(promise)).code).toBe('INTEGRITY_MISMATCH')
    expect(await readdir(spool)).toEqual([])
  })

  test('sweeping removes what crashed writers left', async (t) => {
    const { store, spool } = await openedBlobs(t, make)
    await writeFile(join(spool, 'left-behind'), 'half')
    expect(await store.sweepSpool(-1)).toBe(1)
    expect(await readdir(spool)).toEqual([])
  })
}
