import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { describe, expect, test } from 'vitest'
import { type TestApp, testApp } from '../support/app.ts'
import { FakeGithub } from '../support/github.ts'
import { NpmUser } from '../support/npm-user.ts'
import { environment, PROGRAM, SCRIPT } from '../support/server-process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { Visitor } from '../support/visitor.ts'

const PUBLIC = 'http://packages.example/registry'

/** What a proxy hands on of a request below the path: all of it, or what is left when the path is taken off. */
const PROXIES = [
  ['left on', '/registry'],
  ['taken off', ''],
] as const

/** A package manager that asks through the proxy. */
const through = ({ url }: TestApp, before: string, { name, token }: NpmUser) =>
  new NpmUser(url + before, name, token)

/** What a browser behind the proxy makes of an address it is sent to. */
const behind = (address: string, before: string) => address.replace(/^\/registry/, before)

describe.each(PROXIES)('below a path that the proxy has %s', (_, before) => {
  test('packages are published and found, and every address in what is said of them is the public one', async () => {
    await using app = await testApp({ publicUrl: PUBLIC })
    const kim = through(app, before, await app.user('kim'))
    expect((await kim.publish('@kim/box', '1.0.0')).status).toBe(201)
    const { json } = await kim.get('/@kim%2fbox')
    expect(json.versions['1.0.0'].dist.tarball).toBe(`${PUBLIC}/@kim/box/-/box-1.0.0.tgz`)
    for (const path of [
      '/@kim/box/-/box-1.0.0.tgz',
      '/npm/@kim/box',
      '/-/ping',
      '/v1/ping',
      '/-/v1/search?text=box',
    ])
      expect([path, (await kim.get(path)).status]).toEqual([path, 200])
    const { json: api } = await kim.get('/v1/openapi.json')
    expect(api.servers).toEqual([{ url: `${PUBLIC}/v1` }, { url: PUBLIC }])
    const { json: alone } = await kim.get('/npm/@kim%2fbox')
    expect(alone.versions['1.0.0'].dist.tarball).toBe(`${PUBLIC}/npm/@kim/box/-/box-1.0.0.tgz`)
  })

  test('a file is had by its digest, whose slashes are percent-encoded', async () => {
    await using app = await testApp({ publicUrl: PUBLIC })
    const kim = through(app, before, await app.user('kim'))
    await kim.publish('@kim/box', '1.0.0', { files: { 'index.js': 'module.exports = 7\n' } })
    const { json } = await kim.get('/v1/packages/package/kim/box/versions/1.0.0')
    const digests: string[] = Object.values(json.files)
    for (const digest of digests)
      expect((await kim.get(`/v1/objects/object/sha512/${encodeURIComponent(digest)}`)).status).toBe(200)
  })

  test('a package of the path’s own name is published, installed and unpublished all the same', async () => {
    await using app = await testApp({ publicUrl: PUBLIC })
    const kim = through(app, before, await app.user('kim'))
    const asNpm = { 'npm-command': 'install' }
    expect((await kim.publish('registry', '1.0.0')).status).toBe(201)
    const { json } = await kim.get('/registry', asNpm)
    expect(json.versions['1.0.0'].dist.tarball).toBe(`${PUBLIC}/registry/-/registry-1.0.0.tgz`)
    expect((await kim.get('/registry/-/registry-1.0.0.tgz', asNpm)).status).toBe(200)
    expect((await kim.get('/registry/1.0.0', asNpm)).json.version).toBe('1.0.0')
    const gone = await kim.send('DELETE', `/registry/-rev/${json._rev}`, {
      headers: { 'npm-command': 'unpublish' },
    })
    expect(gone.status).toBe(200)
    expect((await kim.get('/registry', asNpm)).status).toBe(404)
  })

  test('a command line is sent to the public address to log in', async () => {
    await using app = await testApp({ publicUrl: PUBLIC })
    const nobody = through(app, before, app.anonymous())
    for (const path of ['/-/v1/login', '/v1/auth/login']) {
      const { json } = await nobody.send('POST', path, { body: { hostname: 'laptop' } })
      expect(json.loginUrl).toMatch(/^http:\/\/packages\.example\/registry\/www\/login\?cli=[\w-]+$/)
      expect(json.doneUrl).toMatch(/^http:\/\/packages\.example\/registry\/(-|v1)\//)
    }
  })

  test('a browser is led below the path by every redirect, form and cookie', async () => {
    await using app = await testApp({ publicUrl: PUBLIC })
    await app.user('kim')
    const ask = (path: string) =>
      fetch(app.url + before + path, { redirect: 'manual', headers: { accept: 'text/html' } })
    const led = async (path: string) => (await ask(path)).headers.get('location')
    expect(await led('/www')).toBe('/registry/')
    expect(await led('/@kim/box')).toBe('/registry/www/package/@kim/box')
    expect(await led('/favicon.ico')).toMatch(/^\/registry\/www\/static\/\w+\/icon\.svg$/)
    expect(await led('/www/account?x=1')).toBe('/registry/www/login?next=%2Fwww%2Faccount%3Fx%3D1')
    const page = await ask('/www/login')
    expect(await page.text()).toContain('action="/registry/www/login"')
    const cookies = page.headers.getSetCookie()
    expect(cookies.map((it) => it.split('=', 1)[0])).toEqual(['s~registry', 's~registry.sig'])
    for (const cookie of cookies) expect(cookie).toMatch(/; path=\/registry;/)
  })

  test.each([
    '//evil.example/',
    '/.//evil.example/',
    '/registry/../..//evil.example',
    'http://evil.example/',
  ])('after login nobody is sent to %s', async (next) => {
    await using app = await testApp({ publicUrl: PUBLIC })
    await app.user('kim')
    const kim = new Visitor(app.url + before)
    const form = await kim.get(`${before}/www/login?next=${encodeURIComponent(next)}`)
    expect(form.text).toContain('name="next" value="/www/tokens"')
  })

  test('whoever asked for a page comes back to it after logging in', async () => {
    await using app = await testApp({ publicUrl: PUBLIC })
    await app.user('kim')
    const kim = new Visitor(app.url)
    await kim.get(`${before}/www/account/log`) // the visitor follows the redirect to /registry/www/login
    const page = await kim.submit('/registry/www/login', { name: 'kim', password: 'kim-password' })
    expect([page.status, page.path]).toEqual([200, '/registry/www/account/log'])
  })

  test('a provider sends people back below the path', async () => {
    await using github = await FakeGithub.open()
    const keys = { id: 'github', title: 'GitHub', client: 'app', secret: 'hush' }
    await using app = await testApp({
      publicUrl: PUBLIC,
      providers: [{ ...keys, kind: 'github', site: github.url, api: `${github.url}/api` }],
    })
    const octo = new Visitor(app.url)
    const away = await octo.get(`${before}/www/login/providers/github`)
    const back = await fetch(away.leadsTo ?? '', { redirect: 'manual' })
    const callback = new URL(back.headers.get('location') ?? '')
    expect(callback.href).toContain(`${PUBLIC}/www/login/providers/github/callback?`)
    const form = await octo.get(behind(callback.pathname, before) + callback.search)
    expect(form.path).toBe('/registry/www/signup')
  })
})

test('links within a README lead below the path, and to no other registry’s', async () => {
  await using app = await testApp({ publicUrl: PUBLIC })
  await using plain = await testApp()
  const readme = '# box\n\n[more](docs/more.md) ![logo](logo.svg)\n'
  const files = { 'README.md': readme, 'docs/more.md': '# More\n', 'logo.svg': '<svg/>' }
  for (const [at, base] of [
    [app, '/registry'],
    [plain, ''],
  ] as const) {
    await (await at.user('kim')).publish('@kim/box', '1.0.0', { manifest: { readme }, files })
    const { text } = await new Visitor(at.url).get('/www/package/@kim/box')
    expect(text).toContain(`href="${base}/www/package/@kim/box/v/1.0.0/files/docs/more.md"`)
    expect(text).toContain(`src="${base}/www/package/@kim/box/v/1.0.0/raw/logo.svg"`)
  }
})

test('what a name of the path alone begins is not below it', async () => {
  await using app = await testApp({ publicUrl: PUBLIC })
  const kim = await app.user('kim')
  await kim.publish('registry-of-boxes', '1.0.0')
  expect((await kim.get('/registry-of-boxes')).json.name).toBe('registry-of-boxes')
})

test('a path may be the one that the npm door has', async () => {
  await using app = await testApp({ publicUrl: 'http://packages.example/npm' })
  const kim = await app.user('kim')
  await kim.publish('npm', '1.0.0')
  const asNpm = { 'npm-command': 'install' }
  for (const before of ['', '/npm']) {
    const { json } = await kim.get(`${before}/npm`, asNpm)
    expect(json.versions['1.0.0'].dist.tarball).toBe('http://packages.example/npm/npm/-/npm-1.0.0.tgz')
    expect((await kim.get(`${before}/npm/-/npm-1.0.0.tgz`, asNpm)).status).toBe(200)
    expect((await kim.get(`${before}/-/ping`)).status).toBe(200)
  }
})

test('the server prints addresses below its path, and answers probes with the path and without', async () => {
  await using folder = await temporaryFolder()
  const args = ['serve', '--port=0', '--cache-dir', folder.path, '--upstream=none', '--external-host', PUBLIC]
  const server = spawn(PROGRAM, [...SCRIPT, ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
    env: environment(),
  })
  await using _ = {
    async [Symbol.asyncDispose]() {
      server.kill()
      await once(server, 'exit')
    },
  }
  const lines: string[] = []
  for await (const line of createInterface({ input: server.stdout })) {
    lines.push(line.trim())
    if (line.includes('upstream ')) break // the last it prints
  }
  expect(lines).toContain(`use it         npm config set registry ${PUBLIC}/`)
  expect(lines).toContainEqual(
    expect.stringMatching(
      /^first account {2}http:\/\/packages\.example\/registry\/www\/signup\?link=[\w-]+ /,
    ),
  )
  const url = /http:\S+/.exec(lines[0] ?? '')?.[0] ?? ''
  for (const path of ['/-/health', '/-/ready', '/registry/-/health', '/registry/-/ready'])
    expect([path, (await fetch(url + path)).status]).toEqual([path, 200])
})
