import { createHash } from 'node:crypto'
import { Readable } from 'node:stream'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Digest } from '../../../src/base/digest.ts'
import type { Fault } from '../../../src/base/fault.ts'
import type { Spool } from '../../../src/registry/registry.ts'
import { readPublishBody } from '../../../src/server/npm/publish-body.ts'

const LIMITS = { tarball: 2_000_000, document: 1_000_000 }
/** The letters that decoding keeps at a time, and so the places where something could be lost between two pieces. */
const EDGES = [0, 1, 2, 3, 4, 5, 191, 192, 193, 65_535, 65_536, 196_607, 196_608, 196_609, 262_143, 262_145]

/** How JSON may spell a letter of base64. */
const ESCAPES: ((letter: string) => string)[] = [
  (letter) => letter,
  (letter) => (letter === '/' ? '\\/' : letter),
  (letter) => `\\u00${letter.charCodeAt(0).toString(16)}`,
  (letter) => `\\u00${letter.charCodeAt(0).toString(16).toUpperCase()}`,
]

/** Keeps what it is given, some turns of the event loop later, as a disk does. */
class Kept implements Spool {
  readonly path = ''
  readonly parts: Buffer[] = []
  isAborted = false

  get size(): number {
    return this.parts.reduce((sum, { length }) => sum + length, 0)
  }

  async write(chunk: Uint8Array): Promise<void> {
    await new Promise((resolve) => setImmediate(resolve))
    this.parts.push(Buffer.from(chunk))
  }

  content() {
    return Readable.from(this.parts)
  }

  async finish() {
    const bytes = Buffer.concat(this.parts)
    const digest = `sha512-${createHash('sha512').update(bytes).digest('base64')}` as Digest // by construction
    return { digest, sha1: '', size: bytes.length }
  }

  async abort(): Promise<void> {
    this.isAborted = true
  }

  async [Symbol.asyncDispose](): Promise<void> {}
}

function documentWith(data: string): Buffer {
  return Buffer.from(
    `{"name":"box","_attachments":{"box-1.0.0.tgz":{"data":"${data}","length":1}},"last":"é"}`,
  )
}

async function* cut(bytes: Buffer, sizes: readonly number[]): AsyncGenerator<Buffer> {
  let at = 0
  for (let n = 0; at < bytes.length; n++) {
    const size = Math.max(1, sizes[n % sizes.length] ?? 1)
    yield bytes.subarray(at, at + size)
    at += size
  }
}

async function stored(body: AsyncIterable<Buffer>): Promise<Buffer> {
  const spool = new Kept()
  const { document, tarballs } = await readPublishBody(body, LIMITS, async () => spool)
  expect(document).toEqual({
    name: 'box',
    _attachments: { 'box-1.0.0.tgz': { data: '', length: 1 } },
    last: 'é',
  })
  const bytes = Buffer.concat(spool.parts)
  expect(tarballs.get('box-1.0.0.tgz')).toMatchObject({ size: bytes.length })
  return bytes
}

const bytesOf = (size: number) =>
  Buffer.from(Array.from({ length: size }, (_, n) => (n * 31 + (n >> 8)) & 0xff))

test('however the document is cut, the tarball is what was sent', async () => {
  expect((await stored(cut(documentWith('YWI'), [2]))).toString()).toBe('ab') // without its padding
  const size = fc.oneof(fc.constantFrom(...EDGES), fc.nat({ max: 2000 }))
  const pieces = fc.array(fc.oneof(fc.integer({ min: 1, max: 9 }), fc.constantFrom(64, 65_536, 300_000)), {
    minLength: 1,
    maxLength: 6,
  })
  await fc.assert(
    fc.asyncProperty(size, pieces, fc.constantFrom(...ESCAPES), async (size, pieces, spelt) => {
      const bytes = bytesOf(size)
      const text = bytes.toString('base64')
      // One letter at a time is for small ones: each piece is a turn of the event loop.
      const sizes = size > 5000 ? [...pieces, 50_000] : pieces
      const document = documentWith(text.replaceAll(/[+/]/g, spelt))
      expect((await stored(cut(document, sizes))).equals(bytes)).toBe(true)
    }),
    { numRuns: 60 },
  )
})

test('uploads beside each other, some of them cut off, get their own bytes', async () => {
  const wanted = Array.from({ length: 12 }, (_, n) => Buffer.alloc(300_000 + n * 1000, n + 1))
  const upload = async (bytes: Buffer, isCutOff: boolean) => {
    async function* body() {
      const whole = documentWith(bytes.toString('base64'))
      yield* cut(isCutOff ? whole.subarray(0, whole.length / 2) : whole, [65_536])
      if (isCutOff) throw new Error('the line went dead')
    }
    return stored(body())
  }
  for (let round = 0; round < 3; round++) {
    const all = await Promise.allSettled(wanted.map((bytes, n) => upload(bytes, n % 3 === round)))
    for (const [n, outcome] of all.entries()) {
      expect(outcome.status).toBe(n % 3 === round ? 'rejected' : 'fulfilled')
      if (outcome.status === 'fulfilled')
        expect(outcome.value.equals(wanted[n] ?? Buffer.alloc(0))).toBe(true)
    }
  }
})

test.each([
  ['letters of another alphabet', 'ab-_'],
  ['what is no letter', 'ab!d'],
  ['padding in the middle', 'YQ==YQ=='],
  ['a line break', 'YWJj\\nYWJj'],
  ['an escape that is none', 'YWJj\\u00'],
  ['a letter that is no byte', 'YW\\u014Ajj'],
  ['a backslash', 'YWJj\\\\'],
  ['a letter alone', 'YWJjY'],
])('%s: refused, and nothing is kept', async (_, data) => {
  for (const sizes of [[1], [3], [1000]]) {
    const spool = new Kept()
    const reading = readPublishBody(cut(documentWith(data), sizes), LIMITS, async () => spool)
    await expect(reading).rejects.toMatchObject({ code: 'BAD_REQUEST' } satisfies Partial<Fault>)
    expect(spool.isAborted).toBe(true)
  }
})

test('one byte more than allowed is refused with the limit', async () => {
  const limits = { ...LIMITS, tarball: 1000 }
  const read = (size: number) =>
    readPublishBody(
      cut(documentWith(bytesOf(size).toString('base64')), [100]),
      limits,
      async () => new Kept(),
    )
  expect((await read(1000)).tarballs.size).toBe(1)
  await expect(read(1001)).rejects.toMatchObject({
    code: 'TOO_LARGE',
    message: expect.stringContaining('1000'),
  })
})
