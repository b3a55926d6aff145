import { expect, test } from 'vitest'
import { parseDigest } from '../../src/base/digest.ts'
import { type TestApp, testApp } from '../support/app.ts'
import { noise } from '../support/mirror.ts'
import { type ScriptedVersion, startUpstream } from '../support/upstream.ts'

const PATH = '/left-pad/-/left-pad-1.3.0.tgz'
/** More than is kept in memory. */
const files = { 'index.js': noise(3 * 2 ** 20) }

async function mirrored(version: ScriptedVersion = {}) {
  await using opening = new AsyncDisposableStack()
  const upstream = opening.use(
    await startUpstream({ packages: { 'left-pad': { '1.3.0': { files, ...version } } } }),
  )
  const app = opening.use(await testApp({ upstream: upstream.url }))
  const { bytes } = await app.anonymous().get(PATH)
  const opened = opening.move()
  return { app, upstream, bytes, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

async function loseTarball({ storage }: TestApp): Promise<void> {
  const row = await storage.sql.read.selectFrom('version').select('tarball').executeTakeFirstOrThrow()
  await storage.blobs.remove(parseDigest(row.tarball ?? ''))
}

test('a mirrored tarball that was lost is fetched again by the next who asks', async () => {
  await using t = await mirrored()
  await loseTarball(t.app)
  const again = await t.app.anonymous().get(PATH)
  expect([again.status, again.bytes.equals(t.bytes)]).toEqual([200, true])
  await t.upstream.stop()
  expect((await t.app.anonymous().get(PATH)).status).toBe(200)
})

test('so it is by who asks for a part of it', async () => {
  await using t = await mirrored()
  await loseTarball(t.app)
  const part = await t.app.anonymous().get(PATH, { range: 'bytes=10-19' })
  expect([part.status, part.bytes]).toEqual([206, t.bytes.subarray(10, 20)])
})

test('where upstream promises nothing of its bytes, only the same ones are taken', async () => {
  await using t = await mirrored({ dist: { integrity: undefined, shasum: undefined } })
  await loseTarball(t.app)
  t.upstream.misbehave(PATH, 'wrong bytes', 1)
  expect((await t.app.anonymous().get(PATH)).status).toBe(502)
  expect((await t.app.anonymous().get(PATH)).bytes.equals(t.bytes)).toBe(true)
})
