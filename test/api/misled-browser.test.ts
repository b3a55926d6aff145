import { expect, test } from 'vitest'
import { ask } from '../support/any-host.ts'
import { testApp } from '../support/app.ts'

const BROWSER = { 'user-agent': 'Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0', accept: '*/*' }

test('a page elsewhere that has its own name point to this machine gets nothing', async () => {
  await using app = await testApp()
  await (await app.user('kim')).publish('@kim/box', '1.0.0')
  const host = `evil.example:${new URL(app.url).port}`
  const refused = [
    421,
    expect.stringContaining(`at ${app.url}. To reach it by another name, set EXTERNAL_HOST`),
  ]
  for (const path of [
    '/',
    '/www/login',
    '/@kim%2fbox',
    '/@kim/box/-/box-1.0.0.tgz',
    '/v1/packages/package/kim/box',
  ])
    expect(await ask(app.url + path, { headers: { ...BROWSER, host } }), path).toEqual(refused)
  // Whatever changes something comes with an Origin, whatever else a page says it is.
  const headers = {
    host,
    origin: `http://${host}`,
    'user-agent': 'npm/11',
    'content-type': 'application/json',
  }
  const path = '/-/user/org.couchdb.user:eve'
  expect(await ask(app.url + path, { method: 'PUT', headers })).toEqual(refused)
})

test('nor by any odd name', async () => {
  await using app = await testApp()
  for (const host of [
    'evil_host.example',
    'evil.example.',
    'localhost.evil.example',
    'kim@localhost',
    'localhost/',
    'a~b.example',
    '127.0.0.1x',
  ])
    expect((await ask(app.url, { headers: { ...BROWSER, host } }))[0], host).toBe(421)
})

test('every name of this machine is good, and programs may call it what they like', async () => {
  await using app = await testApp()
  const { port } = new URL(app.url)
  for (const name of ['127.0.0.1', 'localhost', 'LocalHost', '[::1]', 'entropic.localhost', '127.1.2.3'])
    expect((await ask(`${app.url}/`, { headers: { ...BROWSER, host: `${name}:${port}` } }))[0], name).toBe(
      200,
    )
  for (const agent of [
    'npm/11.0.0 node/v24.0.0',
    'pnpm/11.0.0',
    'yarn/1.22.22',
    'Bun/1.3.0',
    'curl/8',
    'node',
  ])
    expect(
      (await ask(`${app.url}/-/ping`, { headers: { host: `npm.internal:${port}`, 'user-agent': agent } }))[0],
      agent,
    ).toBe(200)
})

test('where the registry is known by other names, they are its own affair', async () => {
  await using told = await testApp({ publicUrl: 'https://npm.example' })
  await using proxied = await testApp({ trustProxy: true })
  for (const { url } of [told, proxied])
    expect((await ask(`${url}/`, { headers: { ...BROWSER, host: 'backend' } }))[0]).toBe(200)
})
