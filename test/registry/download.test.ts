import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { expect, test } from 'vitest'
import type { PackageHead } from '../../src/registry/model.ts'
import { findVersion } from '../../src/storage/tables/versions.ts'
import { noise, type TestMirror, testMirror } from '../support/mirror.ts'
import { sha1 } from '../support/tarball.ts'
import { type Misbehaviour, tarballPath } from '../support/upstream.ts'

const BIG = tarballPath('big', '1.0.0')
const SMALL = tarballPath('small', '1.0.0')
/** Takes many pieces, on the wire and in the file. */
const packages = { big: { '1.0.0': { files: { 'noise.txt': noise(2 ** 20) } } }, small: { '1.0.0': {} } }

async function follow(t: TestMirror, head: PackageHead, version = '1.0.0'): Promise<Readable> {
  const tarball = await t.mirror.tarball(head, version)
  return tarball.kind === 'growing' ? tarball.follow() : t.storage.blobs.open(tarball.print.digest)
}

async function kept(t: TestMirror): Promise<{ blobs: number; spooled: number; version: unknown }> {
  const { id } = await t.row('big').catch(() => t.row('small'))
  return {
    blobs: (await Array.fromAsync(t.storage.blobs.list())).length,
    spooled: (await readdir(join(t.folder, 'spool'))).length,
    version: await findVersion(t.storage.sql.read, id, '1.0.0'),
  }
}

test('a tarball is sent while it arrives, and stored', async () => {
  await using t = await testMirror({ packages })
  const head = await t.head('big')
  const original = t.upstream.tarball('big', '1.0.0')
  const hold = t.upstream.hold(BIG, 500_000)
  const tarball = await t.mirror.tarball(head, '1.0.0')
  if (tarball.kind !== 'growing') throw new Error(tarball.kind)
  expect(tarball.size).toBe(original.length)
  const client = tarball.follow()
  const chunks: Buffer[] = []
  for await (const chunk of client) {
    if (chunks.length === 0) hold.release() // the first piece came before the last one was sent
    chunks.push(chunk)
  }
  expect(Buffer.concat(chunks)).toEqual(original)
  expect((await kept(t)).version).toMatchObject({
    sha1: sha1(original),
    size: original.length,
    published_at: Date.parse('2020-01-02T03:04:05.678Z'),
  })
})

test('a tarball of one piece is sent once it has been checked', async () => {
  await using t = await testMirror({ packages })
  const tarball = await t.mirror.tarball(await t.head('small'), '1.0.0')
  expect(tarball).toMatchObject({ kind: 'stored', publishedAt: Date.parse('2020-01-02T03:04:05.678Z') })
})

test('fifty clients at once are one request to upstream, and each gets every byte', async () => {
  await using t = await testMirror({ packages })
  const head = await t.head('big')
  const original = t.upstream.tarball('big', '1.0.0')
  const clients = Array.from({ length: 50 }, async () => buffer(await follow(t, head)))
  for (const bytes of await Promise.all(clients)) expect(bytes.equals(original)).toBe(true)
  expect(t.upstream.count(BIG)).toBe(1)
})

test('a tarball that is stored is not fetched again, not even offline', async () => {
  await using t = await testMirror({ packages })
  const head = await t.head('small')
  const print = await t.mirror.fetchTarball(head, '1.0.0')
  await t.reopen({ mode: 'offline' })
  expect(await t.mirror.fetchTarball(head, '1.0.0')).toEqual(print)
  expect(await t.mirror.tarball(head, '1.0.0')).toMatchObject({ kind: 'stored', print })
  expect(t.upstream.count(SMALL)).toBe(1)
})

test('a client that joins late gets the tarball from its first byte', async () => {
  await using t = await testMirror({ packages })
  const head = await t.head('big')
  const hold = t.upstream.hold(BIG, 500_000)
  const early = await follow(t, head)
  await new Promise((resolve) => early.once('data', resolve))
  const late = await follow(t, head)
  hold.release()
  expect(await buffer(late)).toEqual(t.upstream.tarball('big', '1.0.0'))
  early.destroy()
})

test('a client that begins to read when all is stored gets everything too', async () => {
  await using t = await testMirror({ packages })
  const head = await t.head('big')
  const hold = t.upstream.hold(BIG, 500_000)
  const tarball = await t.mirror.tarball(head, '1.0.0')
  if (tarball.kind !== 'growing') throw new Error(tarball.kind)
  const fetching = t.mirror.fetchTarball(head, '1.0.0')
  hold.release()
  await fetching
  expect(await buffer(tarball.follow())).toEqual(t.upstream.tarball('big', '1.0.0'))
})

test('a client that does not read hinders nobody', async () => {
  await using t = await testMirror({ packages })
  const head = await t.head('big')
  const slow = await follow(t, head)
  const original = t.upstream.tarball('big', '1.0.0')
  expect(await buffer(await follow(t, head))).toEqual(original)
  expect(await buffer(slow)).toEqual(original)
})

test('the download goes on when its first client hangs up', async () => {
  await using t = await testMirror({ packages })
  const head = await t.head('big')
  const hold = t.upstream.hold(BIG, 500_000)
  const client = await follow(t, head)
  client.destroy()
  const fetching = t.mirror.fetchTarball(head, '1.0.0')
  hold.release()
  expect(await fetching).toMatchObject({ size: t.upstream.tarball('big', '1.0.0').length })
  expect(t.upstream.count(BIG)).toBe(1)
})

test.each<[string, Misbehaviour]>([
  ['cut', { cut: 500_000 }],
  ['one bit wrong', 'wrong bytes'],
  ['shorter than it said', 'wrong length'],
])('a large tarball that is %s never ends cleanly and is not stored', async (_, how) => {
  await using t = await testMirror({ packages })
  const head = await t.head('big')
  const original = t.upstream.tarball('big', '1.0.0')
  t.upstream.misbehave(BIG, how)
  let received = 0
  const reading = (async () => {
    for await (const chunk of await follow(t, head)) received += chunk.length
  })()
  await expect(reading).rejects.toMatchObject({ code: expect.stringMatching(/^UPSTREAM_/) })
  expect(received).toBeLessThan(original.length)
  expect(await kept(t)).toEqual({ blobs: 1, spooled: 0, version: undefined })
  t.upstream.behave(BIG)
  expect(await buffer(await follow(t, head))).toEqual(original)
})

test.each<[string, Misbehaviour, string, number]>([
  ['wrong', 'wrong bytes', 'UPSTREAM_INVALID', 502],
  ['a page', 'html', 'UPSTREAM_INVALID', 502],
  ['cut', { cut: 50 }, 'UPSTREAM_UNAVAILABLE', 502],
  ['not to be had now', { status: 503 }, 'UPSTREAM_UNAVAILABLE', 502],
  ['not allowed to us', { status: 403 }, 'UPSTREAM_UNAVAILABLE', 502],
  ['not there', { status: 404 }, 'VERSION_NOT_FOUND', 404],
  ['never sent', 'hang', 'UPSTREAM_TIMEOUT', 504],
  ['without end', 'endless', 'UPSTREAM_INVALID', 502],
])('a tarball that is %s is told before anything is sent', async (_, how, code, status) => {
  const limits = { document: 2 ** 20, tarball: 50_000 }
  await using t = await testMirror({ packages, upstream: { timeout: 500, limits } })
  const head = await t.head('small')
  t.upstream.misbehave(SMALL, how)
  await expect(t.mirror.tarball(head, '1.0.0')).rejects.toMatchObject({ code, status })
  expect(await kept(t)).toEqual({ blobs: 1, spooled: 0, version: undefined })
})

test('a version that the document does not know is not fetched', async () => {
  await using t = await testMirror({ packages })
  const head = await t.head('big')
  await expect(t.mirror.tarball(head, '3.0.0')).rejects.toMatchObject({ code: 'VERSION_NOT_FOUND' })
  expect(t.upstream.count()).toBe(1)
})

test('an old version with only a sha1 is held to that', async () => {
  await using t = await testMirror({ packages: { old: { '1.0.0': { dist: { integrity: undefined } } } } })
  const head = await t.head('old')
  t.upstream.misbehave(tarballPath('old', '1.0.0'), 'wrong bytes', 1)
  await expect(t.mirror.fetchTarball(head, '1.0.0')).rejects.toMatchObject({ code: 'UPSTREAM_INVALID' })
  const print = await t.mirror.fetchTarball(head, '1.0.0')
  expect(print.sha1).toBe(sha1(t.upstream.tarball('old', '1.0.0')))
})

test('a version without an address is looked for where npm keeps it', async () => {
  const version = { dist: { tarball: undefined } }
  await using t = await testMirror({ packages: { '@s/old': { '1.0.0': version } } })
  await t.mirror.fetchTarball(await t.head('@s/old'), '1.0.0')
  expect(t.upstream.count(tarballPath('@s/old', '1.0.0'))).toBe(1)
})

test('a name that became ours while its tarball came is left alone', async () => {
  await using t = await testMirror({ packages })
  const head = await t.head('big')
  const hold = t.upstream.hold(BIG, 500_000)
  const client = await follow(t, head)
  await t.storage.sql.transaction((tx) =>
    tx.updateTable('package').set({ source: 'local' }).where('id', '=', head.id).execute(),
  )
  hold.release()
  await expect(buffer(client)).rejects.toMatchObject({ code: 'VERSION_NOT_FOUND' })
  expect((await kept(t)).version).toBeUndefined()
})

test('closing gives up downloads and leaves nothing of them', async () => {
  await using t = await testMirror({ packages })
  const head = await t.head('big')
  t.upstream.hold(BIG, 500_000)
  const reading = buffer(await follow(t, head))
  const failed = expect(reading).rejects.toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' })
  await t.mirror.close()
  await failed
  expect(await kept(t)).toEqual({ blobs: 1, spooled: 0, version: undefined })
})

test('what a crash leaves of a download is swept, and the tarball can be fetched again', async () => {
  await using t = await testMirror({ packages })
  const head = await t.head('big')
  const spool = await t.storage.blobs.spool() // what a killed process leaves: a file that nobody ends
  await spool.write(Buffer.from('half a tarball'))
  expect(await t.storage.blobs.sweepSpool(-1)).toBe(1)
  expect(await buffer(await follow(t, head))).toEqual(t.upstream.tarball('big', '1.0.0'))
  expect(await kept(t)).toMatchObject({ blobs: 2, spooled: 0 })
  await spool.abort()
})
