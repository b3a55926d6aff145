import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { expect, test } from 'vitest'
import { minutes, seconds } from '../../../src/base/time.ts'
import { noUpstream } from '../../../src/registry/mirror/no-upstream.ts'
import { RoutedUpstream } from '../../../src/registry/mirror/routes.ts'
import { createUpstream } from '../../../src/registry/upstream.ts'
import { testApp } from '../../support/app.ts'
import { TurnedClock } from '../../support/mirror.ts'
import { startUpstream, tarballPath } from '../../support/upstream.ts'

const none = { etag: undefined, lastModified: undefined }
const timeout = seconds(5)

test('each name comes from the first registry that its route names, and from no other', async () => {
  await using acme = await startUpstream({ packages: { '@acme/box': { '1.0.0': {} } } })
  await using npm = await startUpstream({
    packages: { lib: { '1.0.0': {} }, '@acme/lure': { '9.9.9': {} }, secret: { '1.0.0': {} } },
  })
  await using app = await testApp({
    upstream: new RoutedUpstream([
      { match: '@acme/*', upstream: createUpstream({ url: acme.url, timeout, token: 'theirs' }) },
      { match: 'secret', upstream: noUpstream },
      { match: '*', upstream: createUpstream({ url: npm.url, timeout }) },
    ]),
  })
  const statusOf = async (path: string) => (await fetch(`${app.url}/${path}`)).status
  expect(await statusOf('@acme%2fbox')).toBe(200)
  expect(await statusOf('@acme/box/-/box-1.0.0.tgz')).toBe(200)
  expect(await statusOf('lib')).toBe(200)
  expect(await statusOf('@acme%2flure')).toBe(404)
  expect(await statusOf('secret')).toBe(404)
  expect(npm.requests.map(({ path, headers }) => [path, headers.authorization])).toEqual([
    ['/lib', undefined],
  ])
  expect(acme.requests.every(({ headers }) => headers.authorization === 'Bearer theirs')).toBe(true)
})

test('an upstream that keeps failing is spared for a while, and nobody is told that a package does not exist', async () => {
  await using scripted = await startUpstream({ packages: { lib: { '1.0.0': {} } } })
  const clock = new TurnedClock()
  const upstream = createUpstream({ url: scripted.url, timeout, retryPause: 1, clock })
  scripted.misbehave('/lib', { status: 503 })
  const ask = () => upstream.document('lib', none)
  for (let turn = 0; turn < 5; turn++) await expect(ask()).rejects.toThrow('503')
  const asked = scripted.count()
  await expect(ask()).rejects.toMatchObject({
    code: 'UPSTREAM_UNAVAILABLE',
    message: expect.stringContaining('it failed 5 times in a row and is asked again in 15 seconds'),
  })
  expect(scripted.count()).toBe(asked)
  clock.turn(seconds(16))
  scripted.behave('/lib')
  for (let turn = 0; turn < 2; turn++) expect((await ask()).kind).toBe('fresh')
  await upstream.close()
})

test('an upstream that asks for rest is not asked by anybody before it is over', async () => {
  await using scripted = await startUpstream({ packages: { lib: { '1.0.0': {} }, other: { '1.0.0': {} } } })
  const clock = new TurnedClock()
  const upstream = createUpstream({ url: scripted.url, timeout, retryPause: 1, clock })
  scripted.misbehave('/lib', { status: 429, headers: { 'retry-after': '40' } })
  await expect(upstream.document('lib', none)).rejects.toThrow('it answered 429')
  clock.turn(seconds(39))
  await expect(upstream.document('other', none)).rejects.toThrow(
    'it wants to be left alone and is asked again in 1 seconds',
  )
  expect(scripted.count()).toBe(1)
  clock.turn(seconds(2))
  expect((await upstream.document('other', none)).kind).toBe('fresh')
  scripted.misbehave('/lib', { status: 503, headers: { 'retry-after': '86400' } })
  await expect(upstream.document('lib', none)).rejects.toThrow('it answered 503')
  clock.turn(minutes(2))
  expect((await upstream.document('other', none)).kind).toBe('fresh')
  await upstream.close()
})

test('an upstream that took the place of another is asked where its tarballs lie', async () => {
  const packages = { lib: { '1.0.0': {} } }
  await using old = await startUpstream({ packages })
  await using app = await testApp({ upstream: old.url })
  expect((await fetch(`${app.url}/lib`)).status).toBe(200)
  await using moved = await startUpstream({ packages })
  await using later = await testApp({ upstream: moved.url, storage: { folder: app.folder } })
  expect((await fetch(later.url + tarballPath('lib', '1.0.0'))).status).toBe(200)
  expect([old.count(tarballPath('lib', '1.0.0')), moved.requests.map(({ path }) => path)]).toEqual([
    0,
    ['/lib', tarballPath('lib', '1.0.0')],
  ])
})

test('where a proxy is configured, the upstream is asked through it, but for hosts that are excepted', async () => {
  await using scripted = await startUpstream({ packages: { lib: { '1.0.0': {} } } })
  const through: string[] = []
  const proxy = createServer(({ url = '', headers }, reply) => {
    through.push(url)
    request(url, { headers }, (there) => {
      reply.writeHead(there.statusCode ?? 0, there.headers)
      there.pipe(reply)
    }).end()
  })
  await new Promise<void>((resolve) => void proxy.listen(0, '127.0.0.1', resolve))
  const http = `http://127.0.0.1:${(proxy.address() as AddressInfo).port}` // listening on TCP
  for (const not of ['', '127.0.0.1']) {
    const upstream = createUpstream({ url: scripted.url, timeout, proxy: { http, not } })
    expect((await upstream.document('lib', none)).kind).toBe('fresh')
    await upstream.close()
  }
  expect(through).toEqual([`${scripted.url}/lib`])
  proxy.close()
})
