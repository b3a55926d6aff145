import { createRequire } from 'node:module'
import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import fc from 'fast-check'
import tarStream from 'tar-stream'
import { expect, test } from 'vitest'
import { inspect } from '../../../src/registry/mirror/inspection.ts'
import { TarEntries } from '../../../src/registry/tar/entries.ts'
import { placeOf } from '../../../src/registry/tar/places.ts'
import { END, paxRecord, rawEntry } from '../../support/raw-tar.ts'

type NodeTarEntry = NodeJS.ReadableStream & { readonly path: string; readonly type: string }
/** The part of node-tar that is used here; it has no types where npm brings it along. */
type NodeTar = {
  Parser: new (options: {
    onReadEntry: (entry: NodeTarEntry) => void
  }) => NodeJS.EventEmitter & { end(bytes: Buffer): void }
}
// npm's own copy: what npm unpacks with.
const nodeTar = createRequire(import.meta.resolve('npm/package.json'))('tar') as NodeTar

const GOOD = '{"name":"lib","version":"1.0.0"}'
const EVIL = '{"name":"lib","version":"1.0.0","scripts":{"postinstall":"evil"}}'
const NAME = 'package/package.json'
const PATH = paxRecord('path', NAME)
const good = rawEntry({ name: NAME }, GOOD)
const decoy = rawEntry({ name: 'package/decoy' }, EVIL)
const list = (records: string | Buffer, type = 'x') => rawEntry({ name: 'h', type }, records)
const long = (name: string, type = 'L') => rawEntry({ name: '././@LongLink', type }, name)
/** Content to one reader, and headers to who passes over the header before it. */
const nested = rawEntry({ name: NAME }, EVIL)

async function* once(bytes: Buffer) {
  yield bytes
}
const inspected = (...parts: Buffer[]) => inspect('lib@1.0.0', once(Buffer.concat([...parts, END])))

/** Each hides a second package.json from who reads a tar in one way, and shows it to who reads in another. */
const hidden: Readonly<Record<string, Buffer[]>> = {
  'records of the old kind': [good, list(PATH, 'X'), decoy],
  'a long name of the old kind': [good, long(`${NAME}\0`, 'N'), decoy],
  'a line before the records': [good, list(`junk\n${PATH}`), decoy],
  'a line behind the records': [good, list(`${PATH}junk`), decoy],
  'a newline in a value': [good, list(paxRecord('comment', `a\n${PATH.trimEnd()}`)), decoy],
  'a record of no length': [good, list(`0 a=b\n${PATH}`), decoy],
  'a record of a wrong length': [good, list(`${PATH.replace('29', '30')}`), decoy],
  'a record length with zeros before it': [good, list(`0031 path=${NAME}\n`), decoy],
  'a record without a key': [good, list(`5 =b\n${PATH}`), decoy],
  'a record twice': [good, list(PATH + paxRecord('path', 'package/other')), decoy],
  'a NUL in a value': [good, list(paxRecord('path', `${NAME}\0x`)), decoy],
  'an empty path': [list(paxRecord('path', '')), rawEntry({ name: 'package/a' }, nested), good],
  'text that is no UTF-8': [good, list(Buffer.from(paxRecord('path', 'package/é'), 'latin1')), decoy],
  'a path of a sparse file': [good, list(paxRecord('GNU.sparse.name', NAME)), decoy],
  'two lists of records': [good, list(PATH), list(paxRecord('comment', 'x')), decoy],
  'a path, and a long name behind it': [good, list(PATH), long('package/other\0'), decoy],
  'a long name, and a path behind it': [good, long(`${NAME}\0`), list(paxRecord('path', 'package/b')), decoy],
  'two long names': [good, long(`${NAME}\0`), long('package/b\0'), decoy],
  'a long name with something behind its end': [good, long('package/a\0\n/b'), decoy],
  'an empty long name': [good, long('\0'), rawEntry({ name: 'package/a' }, nested)],
  'a name that only a record hides': [
    good,
    list(paxRecord('path', 'package/é')),
    rawEntry({ name: NAME }, EVIL),
  ],
  'a link for all files': [good, list(paxRecord('linkpath', 'x'), 'g')],
  'a type nobody knows, with content': [good, rawEntry({ name: 'package/a', type: 'S' }, nested)],
  'a file with a link': [good, rawEntry({ name: 'package/a', target: 'b' }, nested)],
  'a link without one': [good, rawEntry({ name: 'package/a', type: '2' })],
  'a file called like a folder': [good, rawEntry({ name: 'package/a/' }, nested)],
  'a header without a name': [good, rawEntry({ name: '' }, nested)],
  'no name but a record': [good, list(PATH), rawEntry({ name: '' }, EVIL)],
  'records without a name': [good, rawEntry({ name: '', type: 'x' }, nested)],
  'a newline behind the end of a name': [good, rawEntry({ name: 'package\0\n/package.json' }, EVIL)],
  'a backslash in a name': [good, rawEntry({ name: 'a\\b/package.json' }, EVIL)],
  'a prefix of another version': [good, rawEntry({ name: NAME, prefix: 'a', magic: 'ustar\x0001' }, EVIL)],
  'a prefix that is empty': [good, rawEntry({ name: 'package.json', over: { 475: 'x' } }, EVIL)],
  'a size below zero': [good, rawEntry({ name: 'package/a', size: '-1' })],
  'a size with something before it': [good, rawEntry({ name: 'package/a', size: '\x000000000200' })],
  'a size that is binary': [
    good,
    rawEntry({ name: 'package/a', size: Buffer.from([0x81, ...Array(11).fill(0)]) }),
  ],
  'a size in another notation': [good, list(paxRecord('size', '6.5e1')), decoy],
  'a sum without an end': [good, rawEntry({ name: 'package/a', sum: '00012345' }, nested)],
  'something behind the end': [good, END, rawEntry({ name: 'package/a' }, 'a')],
  'a file that is cut': [good, rawEntry({ name: NAME, size: '00000010000\0' }, EVIL)],
  'a file below a link': [
    rawEntry({ name: 'package/a', type: '2', target: '.' }),
    good,
    rawEntry({ name: 'package/a/package.json' }, EVIL),
  ],
  'a file below a link, in other letters': [
    rawEntry({ name: 'package/A', type: '2', target: '.' }),
    good,
    rawEntry({ name: 'other/a/package.json' }, EVIL),
  ],
  'a link in the place of the folder': [rawEntry({ name: 'a', type: '2', target: 'package' }), good],
  'more links than are kept in mind': [
    good,
    ...Array.from({ length: 1001 }, (_, at) => rawEntry({ name: `package/${at}`, type: '2', target: 'a' })),
  ],
  'letters that are alike': [good, rawEntry({ name: 'package/pac\u212aage.j\u017fon' }, EVIL)],
}
test.each(Object.entries(hidden))(
  'what clients may read in two ways is not trusted: %s',
  async (_, parts) => {
    expect(await inspected(...parts)).toEqual({
      hasInstallScript: true,
      unreadable: expect.stringMatching(/./),
    })
  },
)

test.each<[string, Buffer[]]>([
  ['in records of the old kind', [list(paxRecord('path', 'package/../../evil'), 'X'), decoy]],
  ['in a long name of the old kind', [long('package/../../evil\0', 'N'), decoy]],
  [
    'by a link below a link',
    [
      rawEntry({ name: 'package/a/b', type: '2', target: '.' }),
      rawEntry({ name: 'package/a/b/c', type: '2', target: '../..' }),
    ],
  ],
  [
    'by a link that goes down before it climbs',
    [rawEntry({ name: 'package/a', type: '2', target: 'b/c/../..' })],
  ],
])('a path that leads out is seen %s', async (_, parts) => {
  await expect(inspected(good, ...parts)).rejects.toThrow('leads out of the package')
})

test('what honest packers write is no reason for doubt', async () => {
  const comment = rawEntry({ name: 'pax_global_header', type: 'g' }, paxRecord('comment', 'a'.repeat(40)))
  const dated = list(paxRecord('mtime', '1.5') + paxRecord('LIBARCHIVE.creationtime', '1'))
  const name = `package/${'é'.repeat(90)}`
  expect(
    await inspected(
      comment,
      rawEntry({ name: 'package/', type: '5' }),
      rawEntry({ name: 'package/old/', type: '\0', magic: '' }),
      rawEntry({ name: 'package/lib', type: '2', target: 'old' }),
      dated,
      good,
      list(paxRecord('path', name) + paxRecord('size', '1')),
      rawEntry({ name: 'package/cut', size: '          1 ' }, 'a'),
      long(`${name}\0`),
      rawEntry({ name: 'package/cut', magic: 'ustar  \0' }, 'a'),
      rawEntry({ name: 'c', prefix: 'package/a/b' }, 'a'),
    ),
  ).toEqual({ name: 'lib', version: '1.0.0', license: 'none' })
})

/** Its types do not know it. */
const ANY_FORMAT: object = { allowUnknownFormat: true }

const isIt = (name: string) => placeOf(name) === 'package.json' && !name.endsWith('/')
const textOf = async (stream: NodeJS.ReadableStream) => (await buffer(stream)).toString()

async function asNodeTar(archive: Buffer): Promise<string[]> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const found: Promise<string>[] = []
  const onReadEntry = (entry: NodeTarEntry) => {
    if (/File$/.test(entry.type) && isIt(entry.path)) found.push(textOf(entry))
    else entry.resume()
  }
  const parser = new nodeTar.Parser({ onReadEntry })
  parser.on('end', resolve).on('error', reject)
  parser.end(archive)
  await promise
  return Promise.all(found)
}

async function asTarStream(archive: Buffer): Promise<string[]> {
  const found: string[] = []
  const extract = tarStream.extract(ANY_FORMAT)
  extract.on('entry', ({ name, type }, stream, next) => {
    const isFile = type === 'file' || type === 'contiguous-file'
    textOf(stream as unknown as NodeJS.ReadableStream).then((text) => {
      if (isFile && isIt(name)) found.push(text)
      next()
    }, next)
  })
  // Where it gives up, the client does: what it had read by then counts.
  await pipeline(Readable.from([archive]), extract as unknown as NodeJS.WritableStream).catch(() => undefined)
  return found
}

function asWe(archive: Buffer): { found: string[]; doubt: string | undefined } {
  const found: string[] = []
  const entries = new TarEntries(isIt, ({ name, kind, content }) => {
    if (kind === 'file' && isIt(name)) found.push(String(content))
  })
  entries.push(archive)
  entries.end()
  return { found, doubt: entries.doubt }
}

const names = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(NAME, NAME, 'package/a', 'package/é', 'package.json') },
  fc.constantFrom('package/a/', 'a/b\\package.json', 'package\0\n/package.json', ''),
)
const records = fc
  .array(
    fc.oneof(
      { weight: 6, arbitrary: names.map((it) => paxRecord('path', it)) },
      fc.constantFrom(
        paxRecord('comment', `a\n${PATH.trimEnd()}`),
        paxRecord('size', '0'),
        paxRecord('size', '10'),
        paxRecord('linkpath', 'x'),
      ),
      fc.constantFrom('junk\n', '0 a=b\n', '5 =b\n', '\n', '\0', ' ', paxRecord('mtime', '1.5')),
    ),
    { minLength: 1, maxLength: 2 },
  )
  .map((all) => all.join(''))
const content = fc.oneof(
  fc.constantFrom('', GOOD, EVIL, '\0'),
  names.map((name) => rawEntry({ name }, EVIL)),
)
const header = fc.record(
  {
    name: names,
    type: fc.oneof({ weight: 3, arbitrary: fc.constant('0') }, fc.constantFrom(...'\x001234567ADIMSVZ')),
    size: fc.constantFrom(
      '00000000101',
      '-1',
      '\x0012',
      '101 ',
      '  101\0',
      '1 1',
      Buffer.from([0x80, ...Array(10).fill(0), 65]),
    ),
    target: fc.constantFrom('', '', 'x'),
    prefix: fc.constantFrom('', '', 'package', 'a/b', '\0\n'),
    magic: fc.constantFrom('ustar\x0000', 'ustar\x0000', 'ustar  \0', 'ustar\x0001', ''),
    over: fc.constantFrom({}, {}, { 475: 'x' }),
  },
  { requiredKeys: ['name'] },
)
const part = fc.oneof(
  { weight: 6, arbitrary: fc.tuple(names, content).map(([name, text]) => rawEntry({ name }, text)) },
  { weight: 2, arbitrary: fc.tuple(header, content).map(([it, text]) => rawEntry(it, text)) },
  {
    weight: 3,
    arbitrary: fc
      .tuple(records, fc.constantFrom('x', 'x', 'x', 'g', 'X'))
      .map(([it, type]) => list(it, type)),
  },
  {
    weight: 2,
    arbitrary: fc
      .tuple(
        names,
        fc.constantFrom('', '\0', '\0', '\0', '\0x', '\0\n/b'),
        fc.constantFrom('L', 'L', 'N', 'K'),
      )
      .map(([name, end, type]) => long(name + end, type)),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(names, fc.constantFrom('comment', 'path'), names)
      .map(([name, key, other]) =>
        Buffer.concat([list(paxRecord('path', name)), list(paxRecord(key, other))]),
      ),
  },
  fc.constantFrom(Buffer.alloc(512), END, Buffer.alloc(512, 'x')),
)

test('of any archive, npm and tar-stream see the package.json that we see, or we doubt it', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(part, { maxLength: 5 }),
      fc.constantFrom(END, Buffer.alloc(0)),
      async (parts, end) => {
        const archive = Buffer.concat([...parts, end])
        const { found, doubt } = asWe(archive)
        if (doubt !== undefined) return
        expect({ nodeTar: await asNodeTar(archive), tarStream: await asTarStream(archive) }).toEqual({
          nodeTar: found,
          tarStream: found,
        })
      },
    ),
    { numRuns: 3000 },
  )
})
