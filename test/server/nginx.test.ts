import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { testApp } from '../support/app.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const NGINX = '/usr/sbin/nginx'
const CONFIGURATION = join(import.meta.dirname, '../../deploy/nginx.conf')
const isMissing = !existsSync(NGINX) && process.env.REQUIRE_ALL !== '1'

test.skipIf(isMissing)(
  'behind nginx as we ship its configuration, every address is the proxy’s',
  async () => {
    await using app = await testApp({ trustProxy: true })
    const user = await app.user('anna')
    await using proxy = await startNginx(app.url)
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
  },
)

type Proxy = AsyncDisposable & { readonly url: string }

/** nginx with the configuration we ship, on a free port and in front of one server alone. */
async function startNginx(target: string): Promise<Proxy> {
  const folder = await temporaryFolder()
  const port = await freePort()
  const places = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const temporary = places.map((it) => `${it}_temp_path ${join(folder.path, it)};`).join(' ')
  const shipped = await readFile(CONFIGURATION, 'utf8')
  const text = shipped
    .replace('server one:3000;', `server ${new URL(target).host};`)
    .replace('server two:3000;', '')
    .replace('listen 80;', `listen 127.0.0.1:${port};`)
    .replace('http {', `http { access_log off; ${temporary}`)
  const file = join(folder.path, 'nginx.conf')
  await writeFile(file, `daemon off; master_process off; pid ${join(folder.path, 'pid')};\n${text}`)
  const child = spawn(NGINX, ['-e', 'stderr', '-p', folder.path, '-c', file], { stdio: 'ignore' })
  const url = `http://127.0.0.1:${port}`
  await answering(url, child)
  return {
    url,
    async [Symbol.asyncDispose]() {
      const ended = new Promise((resolve) => child.once('close', resolve))
      child.kill()
      await ended
      await folder[Symbol.asyncDispose]()
    },
  }
}

async function answering(url: string, child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) throw new Error(`nginx ended with ${child.exitCode}`)
  const answer = await fetch(`${url}/-/ping`).catch(() => undefined)
  if (!answer) return answering(url, child)
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo // it listens on TCP
  await new Promise((resolve) => server.close(resolve))
  return port
}
