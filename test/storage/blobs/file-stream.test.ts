import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { open, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Writable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { finished } from 'node:stream/promises'
import { expect, test } from 'vitest'
import { FileStream, pour } from '../../../src/storage/blobs/file-stream.ts'
import { type Cleanup, temporaryFolder } from '../../support/services.ts'

const SIZE = 3_000_000

async function file(t: Cleanup, bytes: Buffer): Promise<string> {
  const path = join(await temporaryFolder(t), 'file')
  await writeFile(path, bytes)
  return path
}

/** Looks at what it is given only later, as a socket does that has to wait. */
function slowHash() {
  const hash = createHash('sha512')
  const sink = new Writable({
    highWaterMark: 1,
    write: (piece, _encoding, done) => setImmediate(() => setImmediate(() => done(void hash.update(piece)))),
  })
  return { sink, digest: () => hash.digest('hex') }
}

const digestOf = (bytes: Buffer) => createHash('sha512').update(bytes).digest('hex')

test.each([
  ['the whole', undefined],
  ['from the middle', { start: 1_000_000, end: 2_499_999 }],
  ['one byte', { start: 7, end: 7 }],
  ['past the end', { start: 2_999_990, end: 9_999_999 }],
])('%s comes as it is, read and copied', async (_, range) => {
  await using stack = new AsyncDisposableStack()
  const t = { onTestFinished: (done: () => unknown) => stack.defer(async () => void (await done())) }
  const bytes = randomBytes(SIZE)
  const path = await file(t, bytes)
  const wanted = range ? bytes.subarray(range.start, range.end + 1) : bytes
  expect((await buffer(new FileStream(await open(path), range))).equals(wanted)).toBe(true)
  const { sink, digest } = slowHash()
  await new FileStream(await open(path), range).copyTo(sink)
  expect(digest()).toBe(digestOf(wanted))
})

test('many at once, some of whom leave early, get their own bytes and nobody else’s', async (t) => {
  const files = await Promise.all(
    Array.from({ length: 6 }, async () => {
      const bytes = randomBytes(SIZE)
      return { path: await file(t, bytes), digest: digestOf(bytes) }
    }),
  )
  for (let round = 0; round < 4; round++)
    await Promise.all(
      files.map(async ({ path, digest }, n) => {
        const handle = await open(path)
        const stream = new FileStream(handle)
        const { sink, digest: copied } = slowHash()
        const copying = stream.copyTo(sink)
        if (n % 2 === 0) return expect(copying.then(copied)).resolves.toBe(digest)
        setImmediate(() => sink.destroy())
        await expect(copying).rejects.toThrow()
        if (!stream.closed) await once(stream, 'close')
        await expect(handle.stat()).rejects.toThrow() // it is closed
      }),
    )
})

test('a receiver that is gone already is told as such', async (t) => {
  const stream = new FileStream(await open(await file(t, randomBytes(SIZE))))
  const { sink } = slowHash()
  sink.destroy()
  await once(sink, 'close')
  await expect(stream.copyTo(sink)).rejects.toThrow()
})

test.each([
  ['a file', async (path: string) => new FileStream(await open(path))],
  ['another stream', async (path: string) => createReadStream(path)],
])('%s is poured into a sink, which ends; when one fails, both do', async (_, source) => {
  await using stack = new AsyncDisposableStack()
  const t = { onTestFinished: (done: () => unknown) => stack.defer(async () => void (await done())) }
  const bytes = randomBytes(SIZE)
  const path = await file(t, bytes)
  const { sink, digest } = slowHash()
  await pour(await source(path), sink)
  await finished(sink)
  expect(digest()).toBe(digestOf(bytes))

  const refusing = new Writable({ write: (_piece, _encoding, done) => done(new Error('full')) })
  const from = await source(path)
  await expect(pour(from, refusing)).rejects.toThrow('full')
  expect(from.destroyed).toBe(true)

  const { sink: waiting } = slowHash()
  const broken = await source(path)
  broken.destroy()
  await expect(pour(broken, waiting)).rejects.toThrow()
  expect(waiting.destroyed).toBe(true)
})

test.each([
  { size: 100, most: 16 },
  { size: 20_000, most: 64 },
  { size: 1_000_000, most: 256 },
])('a file of $size bytes is read through buffers of at most $most KiB', async ({ size, most }) => {
  await using stack = new AsyncDisposableStack()
  const t = { onTestFinished: (done: () => unknown) => stack.defer(async () => void (await done())) }
  const bytes = randomBytes(size)
  const handle = await open(await file(t, bytes))
  const lengths: number[] = []
  const watched = new Proxy(handle, {
    get(target, key) {
      if (key !== 'read') return () => target.close()
      return (into: Buffer, ...where: [number, number, number]) => {
        lengths.push(into.length)
        return target.read(into, ...where)
      }
    },
  })
  expect((await buffer(new FileStream(watched))).equals(bytes)).toBe(true)
  expect(Math.max(...lengths)).toBe(most * 1024)
})
