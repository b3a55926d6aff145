import { expect, test } from 'vitest'
import { testApp } from '../support/app.ts'
import { Visitor } from '../support/visitor.ts'

const PAGES = ['/', '/www/search?q=box', '/www/package/@kim/box']
const READS = [
  '/@kim%2fbox',
  '/@kim%2fbox/1.0.0',
  '/@kim/box/-/box-1.0.0.tgz',
  '/npm/@kim%2fbox',
  '/-/v1/search?text=box',
  '/-/package/@kim%2fbox/dist-tags',
  '/-/npm/v1/keys',
  '/v1/packages/package/kim/box',
  '/v1/changes',
]

test('without anonymous reading, whoever has no token reads nothing, by any door', async () => {
  await using app = await testApp({ anonymousRead: false })
  const kim = await app.user('kim')
  await kim.publish('@kim/box', '1.0.0')
  for (const path of [...READS, ...PAGES]) {
    const { status, headers } = await app.anonymous().get(path)
    // The Entropic API says 403 where nobody is logged in, as the original does.
    const refusal = path.startsWith('/v1/') ? [403, null] : [401, 'Bearer']
    expect([path, status, headers.get('www-authenticate')]).toEqual([path, ...refusal])
  }
  for (const path of READS) {
    const { status, headers } = await kim.get(path)
    expect([path, status, headers.get('cache-control')]).toEqual([
      path,
      200,
      expect.stringMatching(/^private\b/),
    ])
  }
})

test('without anonymous reading, ping and the ways to log in are open, and pages lead there and back', async () => {
  await using app = await testApp({ anonymousRead: false })
  await app.user('kim')
  const anybody = app.anonymous()
  expect((await anybody.get('/-/ping')).status).toBe(200)
  expect((await anybody.get('/ping')).status).toBe(200)
  expect((await anybody.send('POST', '/-/v1/login', { body: {} })).status).toBe(200)
  const body = { name: 'kim', password: 'kim-password' }
  expect((await anybody.send('PUT', '/-/user/org.couchdb.user:kim', { body })).status).toBe(201)
  const visitor = new Visitor(app.url)
  expect((await visitor.get('/www/search?q=box')).path).toMatch(/^\/www\/login/)
  await visitor.submit('/www/login', { name: 'kim', password: 'kim-password' })
  expect((await visitor.get('/www/search?q=box')).path).toBe('/www/search?q=box')
})
