import { buffer } from 'node:stream/consumers'
import fc from 'fast-check'
import tar, { type Header } from 'tar-stream'
import { expect, test } from 'vitest'
import { TarEntries, type TarEntry } from '../../../src/registry/tar/entries.ts'

async function packed(
  entries: readonly { header: Partial<Header> & { name: string }; content?: Buffer }[],
): Promise<Buffer> {
  const pack = tar.pack()
  for (const { header, content } of entries) pack.entry(header, content ?? '')
  pack.finalize()
  return buffer(pack as AsyncIterable<Uint8Array>) // streamx leaves its chunks untyped
}

/** What is read of an archive that comes in pieces of these lengths, over and over. */
function read(archive: Buffer, pieces: readonly number[] = [archive.length]) {
  const found: TarEntry[] = []
  const reader = new TarEntries(
    (_, size) => size < 5000,
    (entry) => found.push(entry),
  )
  for (let at = 0, turn = 0; at < archive.length; turn++) {
    const length = pieces[turn % pieces.length] ?? 1
    reader.push(archive.subarray(at, at + length))
    at += length
  }
  return { found, doubt: reader.doubt }
}

test('any archive is read as it was packed, whatever the pieces it comes in', async () => {
  const name = fc.stringMatching(/^[a-zäé][a-zäé/]{0,300}$/).filter((it) => !/\/\/|\/$/.test(it))
  const file = fc.record({ name, content: fc.uint8Array({ maxLength: 6000 }) })
  const pieces = fc.array(fc.integer({ min: 1, max: 2000 }), { minLength: 1 })
  await fc.assert(
    fc.asyncProperty(fc.array(file), pieces, async (files, lengths) => {
      const archive = await packed(
        files.map((it) => ({ header: { name: it.name }, content: Buffer.from(it.content) })),
      )
      const { found, doubt } = read(archive, lengths)
      expect(doubt).toBeUndefined()
      expect(found.map((it) => [it.name, it.content?.toString('hex')])).toEqual(
        files.map(({ name, content }) => [
          name,
          content.length < 5000 ? Buffer.from(content).toString('hex') : undefined,
        ]),
      )
    }),
    { numRuns: 50 },
  )
})

test('links are told with where they lead', async () => {
  const target = 'x'.repeat(300)
  const archive = await packed([
    { header: { name: 'a', type: 'symlink', linkname: target } },
    { header: { name: 'b', type: 'link', linkname: 'a' } },
    { header: { name: 'c', type: 'directory' } },
  ])
  expect(read(archive).found.map(({ kind, target }) => [kind, target])).toEqual([
    ['symlink', target],
    ['link', 'a'],
    ['other', ''],
  ])
})

test.each<[string, (archive: Buffer) => Buffer]>([
  ['a header that is damaged', (it) => it.fill('x', 0, 10)],
  ['a folder with content', (it) => it.subarray(0, 512).fill('5', 156, 157) && summed(it)],
])('where clients may read something else, that is told: %s', async (_, spoil) => {
  const archive = await packed([
    { header: { name: 'one' }, content: Buffer.from('1') },
    { header: { name: 'two' }, content: Buffer.from('2') },
  ])
  const { found, doubt } = read(spoil(archive))
  expect([found.at(-1)?.name, doubt]).toEqual(['two', expect.stringMatching(/^a /)])
})

/** With the first header's sum made right again. */
function summed(archive: Buffer): Buffer {
  archive.fill(' ', 148, 156)
  const sum = archive.subarray(0, 512).reduce((all, byte) => all + byte, 0)
  archive.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148)
  return archive
}
