import { expect, test } from 'vitest'
import { ask } from '../support/any-host.ts'
import { type TestApp, testApp } from '../support/app.ts'

const PACKAGE = '/@kim%2fbox'
const TARBALL = '/@kim/box/-/box-1.0.0.tgz'

async function appWithPackage(options: { trustProxy?: boolean } = {}): Promise<TestApp> {
  const app = await testApp(options)
  await (await app.user('kim')).publish('@kim/box', '1.0.0')
  return app
}

/** Where the tarball is said to lie, to a client that sends these headers. */
async function tarballSeen(app: TestApp, headers: Record<string, string>): Promise<string> {
  const [status, body] = await ask(app.url + PACKAGE, { headers })
  expect(status).toBe(200)
  return JSON.parse(body).versions['1.0.0'].dist.tarball
}

test('a client finds tarballs where it calls us', async () => {
  await using app = await appWithPackage()
  for (const host of [
    'registry.example',
    'Registry.Example:8080',
    'entropic_registry:4873',
    '_private.example',
    'reg.example.',
    'reg.example.:4873',
    '192.0.2.1:4873',
    '[2001:db8::1]:4873',
  ])
    expect(await tarballSeen(app, { host })).toBe(`http://${host.toLowerCase()}${TARBALL}`)
})

const NO_HOSTS = [
  'a.example:99999',
  '[::::]',
  '1.2.3.4.5',
  'a..example',
  '.',
  `${'a.'.repeat(4500)}example`,
  'a.example/b',
  'kim@a.example',
]

test('what is no host stands in no answer, and fails none', async () => {
  await using app = await appWithPackage()
  for (const host of NO_HOSTS) {
    expect(await tarballSeen(app, { host })).toBe(app.url + TARBALL)
    for (const path of ['/www/login', '/www/signup', '/www/package/@kim/box', '/v1/packages/package/kim/box'])
      expect((await ask(app.url + path, { headers: { host, accept: '*/*' } }))[0], path + host).toBe(200)
  }
})

test('nor does what a proxy says', async () => {
  await using app = await appWithPackage({ trustProxy: true })
  for (const host of NO_HOSTS) {
    expect(await tarballSeen(app, { 'x-forwarded-host': host })).toBe(app.url + TARBALL)
    for (const headers of [{ host }, { 'x-forwarded-host': host }])
      expect((await ask(app.url, { headers: { ...headers, accept: 'text/html' } }))[0], host).toBe(200)
  }
})

test('a proxy may name its scheme in capitals', async () => {
  await using app = await appWithPackage({ trustProxy: true })
  for (const proto of ['https', 'HTTPS', 'Https, http']) {
    const headers = { host: 'reg.example', 'x-forwarded-proto': proto }
    expect(await tarballSeen(app, headers)).toBe(`https://reg.example${TARBALL}`)
  }
})
