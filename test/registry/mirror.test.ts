import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { days, hours, minutes, seconds } from '../../src/base/time.ts'
import { Network } from '../../src/registry/network.ts'
import { findUpstreamDocument } from '../../src/storage/tables/upstream.ts'
import { type TestMirror, testMirror } from '../support/mirror.ts'
import { sha512 } from '../support/tarball.ts'

const leftPad = { 'left-pad': { '1.3.0': {} } }
const PATH = '/left-pad'

async function versionsOf(t: TestMirror, name = 'left-pad'): Promise<string[]> {
  const doc = await t.mirror.document(await t.head(name))
  return [...doc.versions].map(({ version }) => version)
}

/** Nothing has entered the store and nothing lies in the spool. */
async function expectNothingKept(t: TestMirror): Promise<void> {
  expect(await Array.fromAsync(t.storage.blobs.list())).toEqual([])
  expect(await readdir(join(t.folder, 'spool'))).toEqual([])
}

test('a package is fetched once and kept as it came', async () => {
  await using t = await testMirror({ packages: leftPad })
  const head = await t.head('left-pad')
  expect(head).toMatchObject({
    name: { namespace: 'legacy', host: '', name: 'left-pad' },
    source: 'mirror',
    revision: 1,
  })
  expect(await versionsOf(t)).toEqual(['1.3.0'])
  const stored = await findUpstreamDocument(t.storage.sql.read, head.id)
  if (!stored) throw new Error('nothing is stored')
  expect(stored).toMatchObject({ encoding: 'gzip', upstream: t.upstream.url, etag: expect.any(String) })
  const text = gunzipSync(await t.storage.blobs.read(stored.document)).toString()
  expect(JSON.parse(text)).toMatchObject({ name: 'left-pad' })
})

test('a scoped package of the upstream is a legacy one here', async () => {
  await using t = await testMirror({ packages: { '@types/node': { '20.0.0': {} } } })
  expect((await t.head('@types/node')).name).toEqual({ namespace: 'legacy', host: '', name: '@types/node' })
  expect(t.upstream.count('/@types/node')).toBe(1)
})

test('however many ask at once, upstream is asked once', async () => {
  await using t = await testMirror({ packages: leftPad })
  const hold = t.upstream.hold(PATH)
  const asking = Array.from({ length: 20 }, () => t.mirror.refresh('left-pad'))
  await t.upstream.asked(PATH)
  hold.release()
  const ids = (await Promise.all(asking)).map(({ id }) => id)
  expect(new Set(ids).size).toBe(1)
  expect(t.upstream.count()).toBe(1)
})

test('two mirrors that meet a new package at the same time agree on one', async () => {
  await using t = await testMirror({ packages: leftPad })
  const first = t.mirror
  const other = await import('../../src/registry/mirror.ts').then(({ createMirror }) => createMirror)
  const { createUpstream } = await import('../../src/registry/upstream.ts')
  const second = other({
    storage: t.storage,
    upstream: createUpstream({ url: t.upstream.url, timeout: seconds(5) }),
    clock: t.clock,
    log: t.log,
    policy: { packumentTtl: minutes(5), staleLimit: days(1) },
    network: new Network(t.storage.sql),
  })
  const [a, b] = await Promise.all([first.refresh('left-pad'), second.refresh('left-pad')])
  await second.close()
  expect(a.id).toBe(b.id)
})

test('a young copy is served without asking', async () => {
  await using t = await testMirror({ packages: leftPad })
  const row = await t.mirror.refresh('left-pad')
  t.clock.turn(minutes(4))
  expect(await t.mirror.current(row)).toEqual(row)
  await t.reopen()
  expect(await t.mirror.current(row)).toEqual(row)
  expect(t.upstream.count()).toBe(1)
})

test('an older copy is served at once and refreshed behind the answer', async () => {
  await using t = await testMirror({ packages: leftPad })
  const row = await t.mirror.refresh('left-pad')
  t.clock.turn(minutes(6))
  await t.upstream.publish('left-pad', '1.4.0')
  const hold = t.upstream.hold(PATH)
  const answers = await Promise.all([t.mirror.current(row), t.mirror.current(row)])
  expect(answers).toEqual([row, row])
  hold.release()
  const refreshed = await t.mirror.refresh('left-pad')
  expect(refreshed).toMatchObject({ id: row.id, revision: 2 })
  expect(t.upstream.count()).toBe(2)
  expect(await t.mirror.current(refreshed)).toEqual(refreshed)
})

test('a copy past the stale limit is waited for', async () => {
  await using t = await testMirror({ packages: leftPad })
  const row = await t.mirror.refresh('left-pad')
  t.clock.turn(days(2))
  await t.upstream.publish('left-pad', '1.4.0')
  expect(await t.mirror.current(row)).toMatchObject({ revision: 2 })
  expect(await versionsOf(t)).toEqual(['1.3.0', '1.4.0'])
})

test('but not for long', async () => {
  await using t = await testMirror({ packages: leftPad, policy: { patience: 20 } })
  const row = await t.mirror.refresh('left-pad')
  t.clock.turn(days(2))
  t.upstream.misbehave(PATH, 'hang')
  expect(await t.mirror.current(row)).toEqual(row)
})

test('a document that did not change is only checked, and keeps its revision', async () => {
  await using t = await testMirror({ packages: leftPad })
  const row = await t.mirror.refresh('left-pad')
  t.clock.turn(hours(1))
  expect(await t.mirror.fresh(row)).toEqual(row)
  expect(t.upstream.requests[1]?.headers).toHaveProperty('if-none-match')
  const stored = await findUpstreamDocument(t.storage.sql.read, row.id)
  expect(stored).toMatchObject({ checked_at: t.clock.now(), fetched_at: t.clock.now() - hours(1) })
})

test('the same document under another ETag is no change either', async () => {
  await using t = await testMirror({ packages: leftPad })
  const row = await t.mirror.refresh('left-pad')
  const body = JSON.stringify(packumentOf(t))
  t.upstream.misbehave(PATH, (_, reply) => void reply.setHeader('etag', '"other"').end(body))
  expect(await t.mirror.fresh(row)).toMatchObject({ revision: 1 })
  expect(await findUpstreamDocument(t.storage.sql.read, row.id)).toMatchObject({ etag: '"other"' })
  expect(await Array.fromAsync(t.storage.blobs.list())).toHaveLength(1)
})

test('every change of a document is told in the feed', async () => {
  await using t = await testMirror({ packages: leftPad })
  const row = await t.mirror.refresh('left-pad')
  await t.upstream.publish('left-pad', '1.4.0')
  await t.mirror.fresh(row)
  const changes = await t.storage.sql.read.selectFrom('change').select('kind').execute()
  expect(changes).toEqual([{ kind: 'refresh' }, { kind: 'refresh' }])
})

test('an unknown package is not found, and upstream is not asked again for a minute', async () => {
  await using t = await testMirror()
  const missing = { code: 'PACKAGE_NOT_FOUND', status: 404, message: expect.stringContaining('upstream') }
  await expect(t.mirror.refresh('nowhere')).rejects.toMatchObject(missing)
  await expect(t.mirror.refresh('nowhere')).rejects.toMatchObject(missing)
  expect(t.upstream.count()).toBe(1)
})

test('a package without versions is not there any more', async () => {
  await using t = await testMirror({ packages: leftPad })
  t.upstream.change('left-pad', (packument) => {
    packument.versions = undefined
    packument.time = { unpublished: {} }
  })
  await expect(t.mirror.refresh('left-pad')).rejects.toMatchObject({ code: 'PACKAGE_NOT_FOUND' })
  await expectNothingKept(t)
})

test('a package that upstream withdrew stays here', async () => {
  await using t = await testMirror({ packages: leftPad })
  const row = await t.mirror.refresh('left-pad')
  t.upstream.misbehave(PATH, { status: 404 })
  expect(await t.mirror.fresh(row)).toEqual(row)
  expect(await versionsOf(t)).toEqual(['1.3.0'])
  expect(t.log.said).toContainEqual(
    expect.objectContaining({ message: expect.stringContaining('no longer') }),
  )
})

test.each([
  ['closes the connection', 'close', 'UPSTREAM_UNAVAILABLE', 502],
  ['fails', { status: 500 }, 'UPSTREAM_UNAVAILABLE', 502],
  ['wants fewer requests', { status: 429, headers: { 'retry-after': '60' } }, 'UPSTREAM_UNAVAILABLE', 502],
  ['stays silent', 'hang', 'UPSTREAM_TIMEOUT', 504],
  ['sends a page', 'html', 'UPSTREAM_INVALID', 502],
  ['sends a bomb', 'gzip bomb', 'UPSTREAM_INVALID', 502],
  ['sends without end', 'endless', 'UPSTREAM_INVALID', 502],
  ['redirects in circles', 'redirect loop', 'UPSTREAM_INVALID', 502],
  ['breaks off', { cut: 50 }, 'UPSTREAM_UNAVAILABLE', 502],
] as const)('an upstream that %s is never taken for an absent package', async (_, how, code, status) => {
  const limits = { document: 2 ** 20, tarball: 2 ** 20 }
  await using t = await testMirror({ packages: leftPad, upstream: { timeout: 500, limits } })
  t.upstream.misbehave(PATH, how)
  await expect(t.mirror.refresh('left-pad')).rejects.toMatchObject({ code, status })
  await expectNothingKept(t)
  t.upstream.behave(PATH)
  t.clock.turn(minutes(1)) // for the one that asks for it
  expect(await versionsOf(t)).toEqual(['1.3.0'])
  t.upstream.misbehave(PATH, how)
  expect(await t.mirror.fresh(await t.row('left-pad'))).toMatchObject({ revision: 1 })
  expect((await t.mirror.refresh('left-pad')).revision).toBe(1)
})

test.each([
  ['about another package', { name: 'right-pad', versions: { '1.0.0': {} } }],
  ['about nobody', { versions: { '1.0.0': {} } }],
  ['a list', []],
  ['cut within a version', '{"name":"left-pad","versions":{"1.0.0":{"a":tru}}}'],
])('a document that is %s is refused', async (_, body) => {
  await using t = await testMirror()
  const text = typeof body === 'string' ? body : JSON.stringify(body)
  t.upstream.misbehave(PATH, (_request, reply) => void reply.end(text))
  await expect(t.mirror.refresh('left-pad')).rejects.toMatchObject({ code: 'UPSTREAM_INVALID' })
  await expectNothingKept(t)
})

test('while upstream is down, the copy is served without asking again and again', async () => {
  await using t = await testMirror({ packages: leftPad })
  const row = await t.mirror.refresh('left-pad')
  t.clock.turn(days(400))
  t.upstream.misbehave(PATH, { status: 503 })
  for (let i = 0; i < 5; i++) expect(await t.mirror.current(row)).toEqual(row)
  expect(t.upstream.count()).toBe(3)
  t.clock.turn(minutes(1))
  t.upstream.behave(PATH)
  await t.mirror.current(row)
  expect(t.upstream.count()).toBe(4)
})

test('offline, nothing is ever asked, and what is missing says why', async () => {
  await using t = await testMirror({ packages: { ...leftPad, other: { '1.0.0': {} } } })
  const row = await t.mirror.refresh('left-pad')
  await t.reopen({ mode: 'offline' })
  t.clock.turn(days(400))
  const asked = t.upstream.count()
  expect(await t.mirror.current(row)).toEqual(row)
  expect(await t.mirror.fresh(row)).toEqual(row)
  expect(await versionsOf(t)).toEqual(['1.3.0'])
  const offline = { code: 'PACKAGE_NOT_FOUND', message: expect.stringContaining('offline') }
  await expect(t.mirror.refresh('other')).rejects.toMatchObject(offline)
  await expect(t.mirror.tarball(await t.head('left-pad'), '1.3.0')).rejects.toMatchObject(offline)
  expect(t.upstream.count()).toBe(asked)
})

test('a version whose content changes upstream keeps its first content here', async () => {
  await using t = await testMirror({ packages: leftPad })
  const row = await t.mirror.refresh('left-pad')
  const first = sha512(t.upstream.tarball('left-pad', '1.3.0'))
  await t.upstream.publish('left-pad', '1.3.0', { files: { 'index.js': 'evil()' } })
  await t.upstream.publish('left-pad', '1.4.0')
  await t.mirror.fresh(row)
  await t.upstream.publish('left-pad', '1.3.0', { files: { 'index.js': 'more evil()' } })
  await t.mirror.fresh(row)
  const head = await t.head('left-pad')
  const versions = [...(await t.mirror.document(head)).versions]
  expect(versions.map(({ version }) => version)).toEqual(['1.3.0', '1.4.0'])
  expect(JSON.parse(versions[0]?.dist ?? '')).toMatchObject({ integrity: first })
  expect(await t.mirror.tarballOf(head, '1.3.0')).toMatchObject({ integrity: first })
  const alarms = t.log.said.filter(({ level }) => level === 'error')
  expect(alarms).toEqual([expect.objectContaining({ fields: { name: 'left-pad', version: '1.3.0' } })])
})

test('a version that the copy lacks is looked for upstream', async () => {
  await using t = await testMirror({ packages: leftPad })
  const head = await t.head('left-pad')
  await t.upstream.publish('left-pad', '1.4.0')
  t.clock.turn(seconds(10))
  expect(await t.mirror.manifest(head, '1.4.0')).toMatchObject({ name: 'left-pad', version: '1.4.0' })
  await expect(t.mirror.manifest(head, '9.9.9')).rejects.toMatchObject({ code: 'VERSION_NOT_FOUND' })
  expect(t.upstream.count()).toBe(2)
})

test('an upstream that fails is no proof that a version does not exist', async () => {
  await using t = await testMirror({ packages: leftPad })
  const head = await t.head('left-pad')
  t.clock.turn(seconds(10))
  t.upstream.misbehave(PATH, { status: 500 })
  await expect(t.mirror.manifest(head, '1.4.0')).rejects.toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' })
})

test('a document whose bytes were lost is fetched anew', async () => {
  await using t = await testMirror({ packages: leftPad })
  await t.head('left-pad')
  for await (const digest of t.storage.blobs.list()) await t.storage.blobs.remove(digest)
  await t.reopen()
  const head = await t.head('left-pad')
  expect([...(await t.mirror.document(head)).versions]).toHaveLength(1)
  expect(t.upstream.requests.at(-1)?.headers).not.toHaveProperty('if-none-match')
})

test('a name that became ours while upstream was asked stays ours', async () => {
  await using t = await testMirror({ packages: leftPad })
  const row = await t.mirror.refresh('left-pad')
  await t.upstream.publish('left-pad', '1.4.0')
  const hold = t.upstream.hold(PATH)
  const asking = t.mirror.refresh('left-pad')
  await t.upstream.asked(PATH, 2)
  await t.storage.sql.transaction((tx) =>
    tx.updateTable('package').set({ source: 'local' }).where('id', '=', row.id).execute(),
  )
  hold.release()
  await expect(asking).rejects.toMatchObject({ code: 'PACKAGE_NOT_FOUND' })
  expect(await t.row('left-pad')).toMatchObject({ source: 'local', revision: 1 })
  await expect(t.mirror.refresh('left-pad')).rejects.toMatchObject({ code: 'PACKAGE_NOT_FOUND' })
  expect(t.upstream.count()).toBe(2)
})

test('closing gives up what is under way', async () => {
  await using t = await testMirror({ packages: leftPad })
  t.upstream.misbehave(PATH, 'hang')
  const asking = t.mirror.refresh('left-pad')
  const failed = expect(asking).rejects.toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' })
  await t.upstream.asked(PATH)
  await t.mirror.close()
  await failed
})

function packumentOf(t: TestMirror): object {
  let found = {}
  t.upstream.change('left-pad', (packument) => {
    found = packument
  })
  return found
}
