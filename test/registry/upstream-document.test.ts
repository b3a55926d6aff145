import { Readable } from 'node:stream'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { abbreviate } from '../../src/registry/abbreviated.ts'
import { packageDocOf } from '../../src/registry/mirror/package-doc.ts'
import { contradicts } from '../../src/registry/mirror/pins.ts'
import type { JsonObject, PackageHead } from '../../src/registry/model.ts'
import { UpstreamDocument, unpackDocument } from '../../src/registry/upstream-document.ts'

const SEEN = Date.parse('2026-01-01T00:00:00Z')
const head: PackageHead = {
  id: 'id',
  name: { namespace: 'legacy', host: '', name: 'box' },
  npmName: 'box',
  source: 'mirror',
  access: 'public',
  revision: 1,
  requireTfa: false,
  createdAt: SEEN,
  modifiedAt: SEEN,
  yankedAt: undefined,
}

const judge = () => ({ allowed: true, why: '' })

function read(document: object, pins = new Map<string, JsonObject>()) {
  const doc = packageDocOf(head, new UpstreamDocument(Buffer.from(JSON.stringify(document))), {
    pins,
    judge,
    insides: new Map(),
  })
  const versions = [...doc.versions].map((it) => ({
    ...it,
    full: JSON.parse(it.full),
    short: JSON.parse(it.short),
    dist: JSON.parse(it.dist),
  }))
  return { ...doc, versions }
}

test('what the upstream itself withholds is told in its words, unless it has it after all', () => {
  const versions = { '1.0.0': {}, '1.1.0': {} }
  const doc = read({
    versions: { '1.0.0': { name: 'box', version: '1.0.0' } },
    policyRestrictions: { message: 'too young', versions },
  })
  expect([...doc.withheld]).toEqual([['1.1.0', 'too young']])
  expect(doc.root).not.toHaveProperty('policyRestrictions')
  expect([...read({ versions: {}, policyRestrictions: 'odd' }).withheld]).toEqual([])
  expect([...read({ versions: {}, policyRestrictions: { message: 7, versions } }).withheld]).toEqual([])
  expect([...read({ versions: {}, policyRestrictions: { message: 'x', versions: [7] } }).withheld]).toEqual(
    [],
  )
})

test('a version without a manifest is none: no tag leads to it', () => {
  const versions = {
    '1.0.0': { name: 'box', version: '1.0.0' },
    '1.1.0': null,
    '1.2.0': [],
    '1.3.0': 'x',
    '1.4.0': 7,
  }
  const doc = read({ 'dist-tags': { latest: '1.1.0', next: '1.2.0', old: '1.0.0' }, versions })
  expect(doc.versions.map(({ version }) => version)).toEqual(['1.0.0'])
  expect(doc.tags).toEqual({ latest: '1.0.0', old: '1.0.0' })
})

test('versions that the upstream has staged are passed on to nobody', () => {
  const staged = {
    '2.0.0': { name: 'box', version: '2.0.0', dist: { tarball: 'https://elsewhere.test/box.tgz' } },
  }
  const doc = read({ versions: { '1.0.0': { name: 'box', version: '1.0.0' } }, stagedVersions: staged })
  expect(doc.root).not.toHaveProperty('stagedVersions')
  expect(JSON.stringify(doc.versions)).not.toContain('2.0.0')
})

test('a document is read member by member', () => {
  const doc = read({
    _id: 'box',
    _rev: '1-x',
    name: 'box',
    'dist-tags': { latest: '1.0.0' },
    description: 'A box',
    time: {
      created: '2020-01-01T00:00:00.000Z',
      modified: '2020-01-02T00:00:00.000Z',
      '1.0.0': '2020-01-01T00:00:00.000Z',
    },
    versions: {
      '1.0.0': {
        name: 'box',
        version: '1.0.0',
        odd: { kept: true },
        dist: { integrity: 'sha512-x', tarball: 'https://up.invalid/box.tgz', signatures: [{ keyid: 'k' }] },
        deprecated: 'no more',
        scripts: { postinstall: 'node x' },
      },
    },
  })
  expect(doc.tags).toEqual({ latest: '1.0.0' })
  expect(doc.time['1.0.0']).toBe('2020-01-01T00:00:00.000Z')
  expect(doc.root).toEqual({ description: 'A box' })
  expect(doc.versions).toEqual([
    {
      version: '1.0.0',
      full: { name: 'box', version: '1.0.0', odd: { kept: true }, scripts: { postinstall: 'node x' } },
      short: { name: 'box', version: '1.0.0', hasInstallScript: true },
      dist: { integrity: 'sha512-x', signatures: [{ keyid: 'k' }] },
      deprecated: 'no more',
    },
  ])
})

test('what old documents lack is made up for', () => {
  const doc = read({
    name: 'box',
    versions: { '0.9.0': { deprecated: '' }, '1.0.0': {}, '2.0.0-rc.1': { dist: 'x' } },
  })
  expect(doc.tags).toEqual({ latest: '1.0.0' })
  const seen = new Date(SEEN).toISOString()
  expect(doc.time).toEqual({
    created: seen,
    modified: seen,
    '0.9.0': seen,
    '1.0.0': seen,
    '2.0.0-rc.1': seen,
  })
  expect(doc.versions[0]).toEqual({
    version: '0.9.0',
    full: { name: 'box', version: '0.9.0' },
    short: { name: 'box', version: '0.9.0' },
    dist: {},
    deprecated: undefined,
  })
})

test('odd members are passed over', () => {
  const doc = read({
    name: 'box',
    'dist-tags': { latest: '1.0.0', gone: '0.0.1', odd: 7 },
    time: { unpublished: { name: 'kim' }, '1.0.0': 'yesterday' },
    versions: { '1.0.0': {}, nonsense: {}, '1.1.0': null, '1.2.0': 'text' },
  })
  expect(doc.tags).toEqual({ latest: '1.0.0' })
  expect(Object.values(doc.time).every((date) => !Number.isNaN(Date.parse(date)))).toBe(true)
  expect(doc.versions.map(({ version }) => version)).toEqual(['1.0.0'])
})

test('a pinned version stands in the place of what the document says', () => {
  const pins = new Map<string, JsonObject>([['1.0.0', { dist: { shasum: 'old' } }]])
  const doc = read({ name: 'box', versions: { '1.0.0': { dist: { shasum: 'new' } }, '1.1.0': {} } }, pins)
  expect(doc.versions[0]?.dist).toEqual({ shasum: 'old' })
})

test('a document that unpacks to too much is refused before it is all in memory', async () => {
  const packed = Readable.from([gzipSync(Buffer.alloc(2 ** 20))])
  const unpacking = unpackDocument(packed, { encoding: 'gzip', what: 'box', limit: 1000 })
  await expect(unpacking).rejects.toMatchObject({ code: 'UPSTREAM_INVALID' })
})

test.each([
  ['no gzip', Buffer.from('{}')],
  ['a cut gzip', gzipSync('{"name":"box"}').subarray(0, -9)],
])('%s is refused', async (_, bytes) => {
  const unpacking = unpackDocument(Readable.from([bytes]), { encoding: 'gzip', what: 'box' })
  await expect(unpacking).rejects.toMatchObject({ code: 'UPSTREAM_INVALID' })
})

test('the abbreviated form keeps what installing needs', () => {
  const manifest = { name: 'box', version: '1.0.0', bundledDependencies: ['a'], readme: 'x', cpu: ['x64'] }
  const kept = { name: 'box', version: '1.0.0', bundleDependencies: ['a'], cpu: ['x64'] }
  expect(abbreviate(manifest)).toEqual(kept)
  expect(abbreviate({ ...kept, scripts: { test: 'x' } })).toEqual(kept)
  expect(abbreviate({ ...kept, hasInstallScript: false, scripts: { install: 'x' } }).hasInstallScript).toBe(
    false,
  )
})

const none = { tarball: undefined, integrity: undefined, shasum: undefined }
const A = `sha512-${Buffer.alloc(64, 1).toString('base64')}`
const B = `sha512-${Buffer.alloc(64, 2).toString('base64')}`
const SHA1 = `sha1-${Buffer.alloc(20, 1).toString('base64')}`

test.each([
  ['the same hash', { integrity: A }, { integrity: A }, false],
  ['another hash', { integrity: B, shasum: 'x' }, { integrity: A, shasum: 'x' }, true],
  ['one more hash', { integrity: `${SHA1} ${A}` }, { integrity: A }, false],
  ['a first hash beside the old sha1', { integrity: A, shasum: 'X' }, { shasum: 'x' }, false],
  ['another sha1', { shasum: 'y' }, { shasum: 'x' }, true],
  ['no hash any more', {}, { integrity: A }, true],
  ['a first hash', { integrity: A }, {}, false],
  ['another address', { integrity: A, tarball: 'b' }, { integrity: A, tarball: 'a' }, false],
])('a version that comes with %s', (_, now, old, expected) => {
  expect(contradicts({ ...none, ...now }, { ...none, ...old })).toBe(expected)
})
