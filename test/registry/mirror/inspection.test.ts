import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Inspection, inspect } from '../../../src/registry/mirror/inspection.ts'
import { type TestApp, testApp } from '../../support/app.ts'
import { noise } from '../../support/mirror.ts'
import { type Entry, sha512, tarballOf } from '../../support/tarball.ts'
import { type ScriptedUpstream, startUpstream, tarballPath } from '../../support/upstream.ts'

const manifest = '{"name":"lib","version":"1.0.0","license":"MIT"}'
const plain = { 'package/package.json': manifest }
const symlink = (linkname: string): Entry => ({ header: { type: 'symlink', linkname } })
const link = (linkname: string): Entry => ({ header: { type: 'link', linkname } })

/** Entries that a client might write outside the package's folder. */
const outside: Readonly<Record<string, Record<string, Entry>>> = {
  'a path that climbs': { 'package/../../evil': 'x' },
  'a path that climbs on Windows': { 'package\\..\\..\\evil': 'x' },
  'an absolute path': { '/etc/evil': 'x' },
  'a path with a drive': { 'C:/evil': 'x' },
  'a climbing path too long for a header': { [`package/${'a/'.repeat(150)}${'../'.repeat(155)}evil`]: 'x' },
  'a link that climbs': { 'package/lib/here': symlink('../../..') },
  'an absolute link': { 'package/here': symlink('/etc') },
  'a hard link that climbs': { 'package/here': link('package/../../etc/passwd') },
}

/** What is odd and yet harms nobody; the second is what is made of it. */
const odd: Readonly<Record<string, () => Promise<Buffer>>> = {
  'that is no gzip': async () => Buffer.from('a page, and no tarball'),
  'that is empty': async () => Buffer.alloc(0),
  'that is a plain tar': async () => (await import('node:zlib')).gunzipSync(await tarballOf(plain)),
  'that is cut': async () =>
    (await tarballOf({ ...plain, 'package/noise': noise(50_000) })).subarray(0, 9000),
  'with something behind its end': async () => Buffer.concat([await tarballOf(plain), noise(3000)]),
  'with links within itself': () =>
    tarballOf({
      ...plain,
      'package/a/b': symlink('../package.json'),
      'package/c': link('package/package.json'),
    }),
  'with devices and pipes': () =>
    tarballOf({
      ...plain,
      'package/d': { header: { type: 'character-device' } },
      'package/e': { header: { type: 'fifo' } },
    }),
  'with a folder of another name': () => tarballOf({ 'lib-1.0.0/package.json': manifest }),
}

const opened = new AsyncDisposableStack()
let upstream: ScriptedUpstream
let app: TestApp
beforeAll(async () => {
  upstream = opened.use(await startUpstream())
  app = opened.use(await testApp({ upstream: upstream.url }))
})
afterAll(() => opened.disposeAsync())

let count = 0
async function get(tarball: Buffer) {
  const name = `lib-${++count}`
  await upstream.publish(name, '1.0.0', { tarball })
  const before = (await Array.fromAsync(app.storage.blobs.list())).length
  const reply = await fetch(app.url + tarballPath(name, '1.0.0'))
  const bytes = Buffer.from(await reply.arrayBuffer())
  const kept = (await Array.fromAsync(app.storage.blobs.list())).length - before - 1 // the document
  return { status: reply.status, bytes, kept }
}

for (const [title, entries] of Object.entries(outside))
  test(`a tarball with ${title} is refused, and nothing of it is kept`, async () => {
    const { status, bytes, kept } = await get(await tarballOf({ ...plain, ...entries }))
    expect([status, bytes.toString(), kept]).toEqual([
      502,
      expect.stringContaining('leads out of the package'),
      0,
    ])
  })

test('a large one is refused before its last piece is handed out', async () => {
  const entries = { ...plain, 'package/noise': noise(2 ** 20), 'package/../../evil': 'x' }
  await expect(get(await tarballOf(entries))).rejects.toThrow('terminated')
})

for (const [title, make] of Object.entries(odd))
  test(`a tarball ${title} is passed on as it is`, async () => {
    const tarball = await make()
    const { status, bytes, kept } = await get(tarball)
    expect([status, sha512(bytes), kept]).toEqual([200, sha512(tarball), 1])
  })

const inPieces = async function* (bytes: Buffer, length = 1000) {
  for (let at = 0; at < bytes.length; at += length) yield bytes.subarray(at, at + length)
}

test.each<[string, Record<string, Entry>, object]>([
  ['a plain package', plain, { name: 'lib', version: '1.0.0', license: 'MIT' }],
  [
    'a script',
    { 'package/package.json': '{"scripts":{"postinstall":"x"}}' },
    { license: 'none', hasInstallScript: true },
  ],
  [
    'something to be compiled',
    { ...plain, 'package/binding.gyp': '{}' },
    { name: 'lib', version: '1.0.0', license: 'MIT', hasInstallScript: true },
  ],
  [
    'two package.json',
    { ...plain, 'other/Package.JSON': '{}' },
    { hasInstallScript: true, unreadable: 'it holds more than one package.json' },
  ],
  [
    'no package.json in its root',
    { 'package/lib/package.json': manifest },
    { hasInstallScript: true, unreadable: 'it holds no package.json that can be read' },
  ],
  [
    'a package.json that is none',
    { 'package/package.json': '[]' },
    { hasInstallScript: true, unreadable: 'it holds no package.json that can be read' },
  ],
])('what a tarball holds is told: %s', async (_, entries, contained) => {
  const tarball = await tarballOf(entries)
  for (const length of [1, 7, 100_000])
    expect(await inspect('lib@1.0.0', inPieces(tarball, length))).toEqual(contained)
})

test('what unpacks to more than anybody has room for is refused', async () => {
  const bomb = gzipSync(Buffer.alloc(8 * 2 ** 20))
  const watching = new Inspection('bomb@1.0.0', 2 ** 20).watch(inPieces(bomb), () => undefined)
  await expect(Array.fromAsync(watching)).rejects.toThrow('unpacks to more than 1048576 bytes')
})
