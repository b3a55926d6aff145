import { expect, test } from 'vitest'
import { testApp } from '../support/app.ts'
import { noNginx, startNginx } from '../support/nginx.ts'
import { freePort } from '../support/servers.ts'

test.skipIf(noNginx)('behind nginx as we ship its configuration, every address is the proxy’s', async () => {
  await using app = await testApp({ trustProxy: true })
  const user = await app.user('anna')
  await using proxy = await startNginx(await freePort(), [{ path: '/', servers: [app.url] }])
  await user.publish('@anna/lib', '1.0.0')
  const lying = { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https' }
  const document = await (await fetch(`${proxy.url}/@anna%2flib`, { headers: lying })).json()
  const { tarball } = document.versions['1.0.0'].dist
  expect(tarball).toBe(`${proxy.url}/@anna/lib/-/lib-1.0.0.tgz`)
  expect((await fetch(tarball)).status).toBe(200)
  const login = await fetch(`${proxy.url}/-/v1/login`, { method: 'POST', body: '{}', headers: lying })
  const { loginUrl, doneUrl } = await login.json()
  expect([new URL(loginUrl).origin, new URL(doneUrl).origin]).toEqual([proxy.url, proxy.url])
  const page = await fetch(`${proxy.url}/www/login`, { headers: lying })
  const cookies = page.headers.getSetCookie().join('\n')
  expect(cookies).toMatch(/httponly/i)
  expect(cookies).not.toMatch(/evil|secure/i)
})
