import { expect, test } from 'vitest'
import { testApp } from '../support/app.ts'
import { sha512 } from '../support/tarball.ts'
import { startUpstream } from '../support/upstream.ts'

test('what is not ours comes from upstream, with our address, and stays when upstream is gone', async () => {
  await using upstream = await startUpstream({
    packages: { left: { '1.0.0': {} }, '@far/right': { '2.0.0': {} } },
  })
  await using app = await testApp({ upstream: upstream.url })
  const reader = app.anonymous()
  const { json } = await reader.get('/@far%2fright')
  expect(json.versions['2.0.0'].dist.tarball).toBe(`${app.url}/@far/right/-/right-2.0.0.tgz`)
  const { bytes } = await reader.get('/@far/right/-/right-2.0.0.tgz')
  expect(sha512(bytes)).toBe(json.versions['2.0.0'].dist.integrity)
  await reader.get('/left')
  await upstream.stop()
  expect((await reader.get('/@far/right/-/right-2.0.0.tgz')).status).toBe(200)
  expect((await reader.get('/left')).status).toBe(200)
  const lost = await reader.get('/left/-/left-1.0.0.tgz')
  expect([lost.status, lost.json.error]).toEqual([502, expect.stringContaining('upstream')])
  expect((await reader.get('/unknown')).status).toBe(502)
})

test('npm itself is a package at the root as under /npm/: its document, its versions, its tarballs', async () => {
  await using upstream = await startUpstream({ packages: { npm: { '11.4.0': {}, '12.0.0-rc.1': {} } } })
  await using app = await testApp({ upstream: upstream.url })
  for (const base of ['', '/npm']) {
    const get = (path: string) => app.anonymous().get(base + path, { 'user-agent': 'npm/11.4.0' })
    expect(Object.keys((await get('/npm')).json.versions)).toEqual(['11.4.0', '12.0.0-rc.1'])
    for (const version of ['11.4.0', '12.0.0-rc.1']) {
      expect((await get(`/npm/${version}`)).json).toMatchObject({ name: 'npm', version })
      expect((await get(`/npm/-/npm-${version}.tgz`)).status).toBe(200)
    }
  }
})

test('a version that appeared upstream is found under its number and its tag, though our copy is young', async () => {
  await using upstream = await startUpstream({ packages: { left: { '1.0.0': {} } } })
  await using app = await testApp({ upstream: upstream.url })
  const reader = app.anonymous()
  expect((await reader.get('/left/1.0.0')).status).toBe(200)
  await upstream.publish('left', '1.1.0')
  expect((await reader.get('/left/1.1.0')).json.version).toBe('1.1.0')
})

test('a name of upstream is taken by nobody in passing; the operator claims it, and gives it back', async () => {
  await using upstream = await startUpstream({
    packages: { left: { '1.0.0': {} }, '@far/right': { '1.0.0': {} } },
  })
  await using app = await testApp({ upstream: upstream.url })
  const [kim, root] = [await app.user('kim'), await app.user('root', { admin: true })]
  for (const user of [kim, root])
    for (const name of ['left', '@far/right']) expect((await user.publish(name, '9.0.0')).status).toBe(403)
  expect((await kim.publish('@far/other', '1.0.0')).status).toBe(403)
  expect((await kim.get('/left')).json['dist-tags']).toEqual({ latest: '1.0.0' })

  const caller = await app.registry.tokens.identify(kim.token ?? '')
  if (caller?.kind !== 'user') throw new Error('kim has a token')
  await app.registry.packages.claims.claim(caller, 'left')
  expect((await kim.get('/left/-/left-1.0.0.tgz')).status).toBe(404)
  expect((await kim.publish('left', '9.0.0')).status).toBe(201)
  expect(Object.keys((await kim.get('/left')).json.versions)).toEqual(['9.0.0'])

  await expect(app.registry.packages.claims.release('left')).rejects.toThrow('Unpublish them first')
  await kim.send('DELETE', `/left/-rev/${(await kim.get('/left')).json._rev}`)
  expect((await kim.get('/left')).status).toBe(404)
  await app.registry.packages.claims.release('left')
  expect(Object.keys((await kim.get('/left')).json.versions)).toEqual(['1.0.0'])
  expect((await kim.get('/left/-/left-1.0.0.tgz')).status).toBe(200)
})

test('a name that only old packages may have is published under by who has it, and taken by nobody anew', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  const caller = await app.registry.tokens.identify(kim.token ?? '')
  if (caller?.kind !== 'user') throw new Error('kim has a token')
  await app.registry.packages.claims.claim(caller, 'JSONBox')
  expect((await kim.publish('JSONBox', '1.0.0')).status).toBe(201)
  expect((await kim.publish('JSONBox', '1.1.0')).status).toBe(201)
  for (const name of ['JSONLid', '@kim/Lid']) {
    const { status, json } = await kim.publish(name, '1.0.0')
    expect([status, json.error]).toEqual([400, expect.stringContaining('capital letters')])
  }
})

test('offline, nobody can take a name that may exist upstream; a scope of one’s own is free', async () => {
  await using upstream = await startUpstream({ packages: {} })
  await using app = await testApp({ upstream: upstream.url, offline: true })
  const kim = await app.user('kim')
  const refused = await kim.publish('left', '1.0.0')
  expect([refused.status, refused.json.error]).toEqual([503, expect.stringContaining('package claim left')])
  expect((await kim.publish('@kim/left', '1.0.0')).status).toBe(201)
})

test('an administrator who mistypes a namespace does not take it', async () => {
  await using app = await testApp()
  const root = await app.user('root', { admin: true })
  expect((await root.send('PUT', '/v1/packages/package/bob/box', { body: {} })).status).toBe(403)
  await app.user('bob')
})

test('a name published here and a claimed scope never go upstream', async () => {
  await using upstream = await startUpstream({ packages: {} })
  await using app = await testApp({ upstream: upstream.url })
  const kim = await app.user('kim')
  await kim.publish('box', '1.0.0')
  await kim.publish('@kim/box', '1.0.0')
  const before = upstream.requests.length
  await upstream.publish('box', '6.6.6')
  await upstream.publish('@kim/bag', '6.6.6')
  expect(Object.keys((await kim.get('/box')).json.versions)).toEqual(['1.0.0'])
  for (const path of [
    '/@kim%2fbag',
    '/@kim/bag/6.6.6',
    '/@kim/bag/-/bag-6.6.6.tgz',
    '/box/6.6.6',
    '/box/-/box-6.6.6.tgz',
  ])
    expect([path, (await kim.get(path)).status]).toEqual([path, 404])
  expect(upstream.requests.length).toBe(before)
})

test('nobody can make an account that would cut off a scope people install from', async () => {
  await using upstream = await startUpstream({ packages: { '@far/right': { '1.0.0': {} } } })
  await using app = await testApp({ upstream: upstream.url })
  await app.anonymous().get('/@far%2fright')
  await expect(app.user('far')).rejects.toThrow('taken by upstream packages')
})

test('offline, an unknown name says so and how to get it', async () => {
  await using upstream = await startUpstream({ packages: { left: { '1.0.0': {} } } })
  await using app = await testApp({ upstream: upstream.url, offline: true })
  const { status, json } = await app.anonymous().get('/left')
  expect([status, json.error]).toEqual([404, expect.stringContaining('offline')])
  expect(upstream.requests).toHaveLength(0)
})
