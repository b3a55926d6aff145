import { createServer } from 'node:http'
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

test.skipIf(noNginx)(
  'what servers say when they are busy reaches the client, however often they say it',
  async () => {
    await using opening = new AsyncDisposableStack()
    const busy = async () => {
      const server = createServer((_, response) => {
        response.writeHead(503, { 'content-type': 'application/json', 'retry-after': '1' })
        response.end('{"error":"busy"}')
      })
      const port = await freePort()
      await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
      opening.defer(() => void server.close())
      return `http://127.0.0.1:${port}`
    }
    const servers = [await busy(), await busy()]
    const proxy = opening.use(await startNginx(await freePort(), [{ path: '/', servers }]))
    for (const method of ['GET', 'GET', 'GET', 'GET', 'PUT', 'PUT', 'GET']) {
      const answer = await fetch(`${proxy.url}/box`, { method })
      const { status, headers } = answer
      expect([status, headers.get('retry-after'), await answer.text()]).toEqual([
        503,
        '1',
        '{"error":"busy"}',
      ])
    }
  },
)
