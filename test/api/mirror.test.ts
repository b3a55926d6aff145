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

test('a version that appeared upstream is found under its number and its tag, though our copy is young', async () => {
  await using upstream = await startUpstream({ packages: { left: { '1.0.0': {} } } })
  await using app = await testApp({ upstream: upstream.url })
  const reader = app.anonymous()
  expect((await reader.get('/left/1.0.0')).status).toBe(200)
  await upstream.publish('left', '1.1.0')
  expect((await reader.get('/left/1.1.0')).json.version).toBe('1.1.0')
})

test('a name of upstream is not taken by an ordinary account, and an administrator can claim it', async () => {
  await using upstream = await startUpstream({
    packages: { left: { '1.0.0': {} }, '@far/right': { '1.0.0': {} } },
  })
  await using app = await testApp({ upstream: upstream.url })
  const [kim, root] = [await app.user('kim'), await app.user('root', { admin: true })]
  for (const name of ['left', '@far/right']) expect((await kim.publish(name, '9.0.0')).status).toBe(403)
  expect((await kim.publish('@far/other', '1.0.0')).status).toBe(403)
  expect((await kim.get('/left')).json['dist-tags']).toEqual({ latest: '1.0.0' })
  expect((await root.publish('left', '9.0.0')).status).toBe(201)
  const { json } = await kim.get('/left')
  expect(Object.keys(json.versions)).toEqual(['9.0.0'])
  expect((await kim.get('/left/-/left-1.0.0.tgz')).status).toBe(404)
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
