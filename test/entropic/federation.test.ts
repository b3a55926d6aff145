import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test, vi } from 'vitest'
import { type Clock, hours } from '../../src/base/time.ts'
import { type TestApp, testApp } from '../support/app.ts'
import type { NpmUser } from '../support/npm-user.ts'
import { onEveryStorage } from '../support/services.ts'
import { sha512 } from '../support/tarball.ts'
import { type Files, objectPath, publishForm } from './form.ts'

/** A clock that tests turn on. */
class TurnedClock implements Clock {
  time = Date.now()

  now(): number {
    return this.time
  }
}

/** A registry elsewhere with an account `far`. */
async function farApp(): Promise<{ app: TestApp; far: NpmUser }> {
  const app = await testApp()
  return { app, far: await app.user('far') }
}

async function publish(
  user: NpmUser,
  path: string,
  what: { version: string; files?: Files; dependencies?: object },
): Promise<void> {
  await user.send('PUT', path, { body: {} })
  const body = publishForm(what.files ?? { 'index.js': path }, { dependencies: what.dependencies ?? {} })
  const reply = await user.send('PUT', `${path}/versions/${what.version}`, { body })
  expect(reply.status, reply.json.message).toBe(201)
}

onEveryStorage('a package of another registry', (engine) => {
  test('is fetched, verified and kept: it outlives its registry', async () => {
    const { app: there, far } = await farApp()
    await publish(far, '/v1/packages/package/far/box', {
      version: '1.0.0',
      files: { 'lib/a.js': 'a', b: '' },
    })
    const path = `/v1/packages/package/far@${there.host}/box`
    const original = (await far.get(path)).json
    const clock = new TurnedClock()
    await using place = await engine.place()
    await using here = await testApp({ storage: place.config, peers: [there.url], clock })
    const anybody = here.anonymous()
    const found = (await anybody.get(path)).json
    expect([found.name, found.versions, found.tags]).toEqual([
      original.name,
      original.versions,
      original.tags,
    ])
    await there[Symbol.asyncDispose]()
    clock.time += hours(1)
    const manifest = await anybody.get(objectPath(found.versions['1.0.0']))
    expect(sha512(manifest.bytes)).toBe(original.versions['1.0.0'])
    const version = (await anybody.get(`${path}/versions/1.0.0`)).json
    expect((await anybody.get(objectPath(version.files['./package/lib/a.js']))).bytes.toString()).toBe('a')
    expect((await anybody.get(path)).json.versions).toEqual(original.versions)
    expect((await anybody.get(`/v1/packages/package/far@${there.host}/other`)).status).toBe(502)
  })
})

test('what was published there meanwhile is here when the copy is old; what was yanked is not offered', async () => {
  const { app, far } = await farApp()
  await using there = app
  const own = '/v1/packages/package/far/box'
  const path = `/v1/packages/package/far@${there.host}/box`
  await publish(far, own, { version: '1.0.0' })
  const clock = new TurnedClock()
  await using here = await testApp({ peers: [there.url], clock })
  const versions = async () => Object.keys((await here.anonymous().get(path)).json.versions)
  expect(await versions()).toEqual(['1.0.0'])
  await publish(far, own, { version: '1.1.0' })
  await far.send('DELETE', `${own}/versions/1.0.0`)
  expect(await versions()).toEqual(['1.0.0'])
  clock.time += hours(1)
  expect(await versions()).toEqual(['1.1.0'])
})

test('what a version depends on elsewhere is fetched when it is published, dependencies of dependencies too', async () => {
  const { app: there, far } = await farApp()
  await publish(far, '/v1/packages/package/far/leaf', { version: '2.0.0' })
  await publish(far, '/v1/packages/package/far/box', {
    version: '1.0.0',
    dependencies: { 'far/leaf': '^2.0.0' },
  })
  await using here = await testApp({ peers: [there.url] })
  const kim = await here.user('kim')
  await publish(kim, '/v1/packages/package/kim/mine', {
    version: '1.0.0',
    dependencies: { [`far@${there.host}/box`]: '1.x', 'x@unlisted.example/y': '1' },
  })
  const kept = () =>
    here.storage.sql.read.selectFrom('version').select('version').where('tree', 'is not', null).execute()
  await vi.waitUntil(async () => (await kept()).length === 3, 20_000)
  await there[Symbol.asyncDispose]()
  const leaf = await kim.get(`/v1/packages/package/far@${there.host}/leaf/versions/2.0.0`)
  expect(Object.keys(leaf.json.files)).toEqual(['./package/index.js'])
})

test('a registry that nobody named is not asked, and nothing is changed at another', async () => {
  const { app, far } = await farApp()
  await using there = app
  await publish(far, '/v1/packages/package/far/box', { version: '1.0.0' })
  await using here = await testApp()
  const kim = await here.user('kim')
  const path = `/v1/packages/package/far@${there.host}/box`
  const refused = await kim.get(path)
  expect([refused.status, refused.json.message]).toEqual([403, expect.stringContaining('FEDERATION_HOSTS')])
  for (const method of ['PUT', 'DELETE'])
    expect((await kim.send(method, path, { body: {} })).status).toBe(403)
})

const MANIFEST = JSON.stringify({ files: { './package/a': sha512('a') }, dependencies: {} })
const DOCUMENT = JSON.stringify({ versions: { '1.0.0': sha512(MANIFEST) }, tags: { latest: '1.0.0' } })

/** What a peer may do wrong: by the end of the path, what it answers. */
const misdeeds: Record<string, RequestListener> = {
  'sends other bytes for a file': (request, response) =>
    response.end(answerOf(request.url, { [sha512('a')]: 'b' })),
  'sends another manifest': (request, response) =>
    response.end(answerOf(request.url, { [sha512(MANIFEST)]: `${MANIFEST} ` })),
  'redirects to another host': (_, response) =>
    response.writeHead(302, { location: 'http://127.0.0.1:9/' }).end(),
  'sends a document without end': (_, response) => {
    const more = () => {
      while (response.write(Buffer.alloc(65_536, 32)));
    }
    response.on('drain', more)
    more()
  },
  'sends no JSON': (_, response) => response.end('<html>'),
  'hangs up': (request) => request.socket.destroy(),
}

function answerOf(url = '', lies: Readonly<Record<string, string>>): string {
  const truth: Record<string, string> = { [sha512('a')]: 'a', [sha512(MANIFEST)]: MANIFEST }
  if (!url.includes('/objects/')) return DOCUMENT
  const digest = `sha512-${decodeURIComponent(url.split('/sha512/')[1] ?? '')}`
  return lies[digest] ?? truth[digest] ?? ''
}

for (const [misdeed, listener] of Object.entries(misdeeds))
  test(`a registry that ${misdeed} gets nothing into ours`, async () => {
    await using bad = await badPeer(listener)
    await using here = await testApp({ peers: [bad.url] })
    const path = `/v1/packages/package/far@${new URL(bad.url).host}/box`
    const reply = await here.anonymous().get(`${path}/versions/1.0.0`)
    expect([502, 504]).toContain(reply.status)
    const document = await here.anonymous().get(path)
    if (document.status === 200) expect(document.json.versions).toEqual({})
    expect((await here.anonymous().get('/v1/packages')).status).toBe(200)
  })

async function badPeer(listener: RequestListener): Promise<AsyncDisposable & { url: string }> {
  const server = createServer(listener)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}` // listening on TCP
  const close = () =>
    new Promise<void>((resolve) => {
      server.close(() => resolve())
      server.closeAllConnections()
    })
  return { url, [Symbol.asyncDispose]: close }
}
