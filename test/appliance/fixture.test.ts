import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { createServer, get } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, join } from 'node:path'
import { type FixturePackages, startRegistry } from 'entropic/fixture'
import { expect, test, vi } from 'vitest'
import { NpmUser } from '../support/npm-user.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const packages: FixturePackages = {
  dep: { '1.0.0': {}, '1.1.0': { files: { 'index.js': 'module.exports = 1' } } },
  '@acme/box': {
    '2.0.0': { manifest: { dependencies: { dep: '^1.0.0' } }, files: { 'README.md': '# Box' } },
  },
}

test('holds the packages it was given, and nothing is left of it', async () => {
  let npmrc = ''
  {
    await using registry = await startRegistry({ packages })
    const { json } = await anonymous(registry).get('/dep')
    expect(Object.keys(json.versions)).toEqual(['1.0.0', '1.1.0'])
    expect((await anonymous(registry).get('/@acme%2fbox')).json).toMatchObject({
      readme: '# Box',
      versions: { '2.0.0': { dependencies: { dep: '^1.0.0' } } },
    })
    expect((await anonymous(registry).get('/dep/-/dep-1.1.0.tgz')).status).toBe(200)
    npmrc = registry.environment.npm_config_userconfig ?? ''
    expect(await readFile(npmrc, 'utf8')).toBe(registry.npmrc)
  }
  expect(existsSync(dirname(npmrc))).toBe(false)
})

test('goes back to how it started, and to any moment in between', async () => {
  await using registry = await startRegistry({ packages })
  const test = new NpmUser(registry.url, 'test', registry.token)
  await test.publish('one', '1.0.0')
  const snapshot = await registry.snapshot()
  await test.publish('two', '1.0.0')
  expect((await test.get('/two')).status).toBe(200)
  await registry.restore(snapshot)
  expect((await test.get('/two')).status).toBe(404)
  expect((await test.get('/one')).status).toBe(200)
  expect((await test.publish('two', '1.0.0')).status).toBe(201)
  await registry.reset()
  expect(registry.requests).toEqual([])
  expect((await test.get('/one')).status).toBe(404)
  expect((await test.get('/dep')).status).toBe(200)
})

test('keeps requests waiting while its content is exchanged', async () => {
  await using registry = await startRegistry({ packages })
  const asked = Array.from({ length: 20 }, () => anonymous(registry).get('/dep'))
  const resets = [registry.reset(), registry.reset()]
  for (const { status } of await Promise.all(asked)) expect(status).toBe(200)
  await Promise.all(resets)
})

test('publishes when its clock says', async () => {
  await using registry = await startRegistry()
  const test = new NpmUser(registry.url, 'test', registry.token)
  registry.clock.set(new Date('2020-02-02T00:00:00Z'))
  await test.publish('box', '1.0.0')
  registry.clock.advance(86_400_000)
  await test.publish('box', '1.1.0')
  const { time } = (await test.get('/box')).json
  expect(time['1.0.0']).toMatch(/^2020-02-02T/)
  expect(time['1.1.0']).toMatch(/^2020-02-03T/)
})

test('misbehaves as it is told, as often as it is told', async () => {
  await using registry = await startRegistry({ packages })
  const client = anonymous(registry)
  registry.faults.add({ path: '/dep', status: 503, times: 2, headers: { 'retry-after': '0' } })
  expect((await client.get('/dep')).status).toBe(503)
  expect((await client.get('/dep')).status).toBe(503)
  expect((await client.get('/dep')).status).toBe(200)
  {
    using _rule = registry.faults.add({ path: /\.tgz$/, cut: 10 })
    await expect(client.get('/dep/-/dep-1.0.0.tgz')).rejects.toThrow()
  }
  expect((await client.get('/dep/-/dep-1.0.0.tgz')).status).toBe(200)
  registry.faults.add({ method: 'GET', delay: 5 })
  expect((await client.get('/dep')).status).toBe(200)
})

test('what comes through before a cut are the first bytes of the answer', async () => {
  await using registry = await startRegistry({ packages })
  const address = `${registry.url}/dep/-/dep-1.0.0.tgz`
  const read = () => bytesUntilCut(address)
  // From the disk the first time, and then from memory.
  const whole = await read()
  expect((await read()).equals(whole)).toBe(true)
  registry.faults.add({ path: /\.tgz$/, cut: 60 })
  expect((await read()).toString('hex')).toBe(whole.toString('hex', 0, 60))
})

test('remembers what it was asked', async () => {
  await using registry = await startRegistry({ packages })
  await anonymous(registry).get('/dep', { 'user-agent': 'a test' })
  await anonymous(registry).get('/absent')
  expect(registry.requests).toMatchObject([
    { method: 'GET', path: '/dep', status: 200, headers: { 'user-agent': 'a test' } },
    { method: 'GET', path: '/absent', status: 404 },
  ])
})

test('takes nothing from its surroundings but the proxies to its upstream', async () => {
  const asked: string[] = []
  const proxy = createServer((request, response) => {
    asked.push(request.url ?? '')
    response.writeHead(404).end()
  }).listen(0, '127.0.0.1')
  await once(proxy, 'listening')
  const { port } = proxy.address() as AddressInfo // listening on TCP
  vi.stubEnv('HTTP_PROXY', `http://127.0.0.1:${port}`)
  vi.stubEnv('UPSTREAMS', '[{"match": "*", "url": "http://127.0.0.1:9"}]')
  vi.stubEnv('PORT', 'no port')
  await using registry = await startRegistry({ upstream: 'http://upstream.example' })
  expect((await anonymous(registry).get('/box')).status).toBe(404)
  expect(asked).toEqual(['http://upstream.example/box'])
  vi.unstubAllEnvs()
  proxy.close()
})

test('publishes folders as npm packs them', async () => {
  await using folder = await temporaryFolder()
  await using registry = await startRegistry()
  for (const name of ['a', 'b']) {
    await mkdir(join(folder.path, name))
    const manifest = { name: `@work/${name}`, version: '0.1.0', files: ['lib'] }
    await writeFile(join(folder.path, name, 'package.json'), JSON.stringify(manifest))
  }
  expect(await registry.publish(folder.path)).toEqual([
    { name: '@work/a', version: '0.1.0' },
    { name: '@work/b', version: '0.1.0' },
  ])
  expect((await anonymous(registry).get('/@work%2fb')).status).toBe(200)
})

test('twenty run beside each other', async () => {
  const started = await Promise.all(
    Array.from({ length: 20 }, (_, at) => startRegistry({ packages: { [`only-${at}`]: { '1.0.0': {} } } })),
  )
  try {
    for (const [at, registry] of started.entries()) {
      expect((await anonymous(registry).get(`/only-${at}`)).status).toBe(200)
      expect((await anonymous(registry).get(`/only-${at + 1}`)).status).toBe(404)
    }
  } finally {
    for (const registry of started) await registry[Symbol.asyncDispose]()
  }
})

const anonymous = ({ url }: { url: string }) => new NpmUser(url, 'anonymous', undefined)

/** What arrives of an answer, whole or not. */
function bytesUntilCut(address: string): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const asking = get(address, (reply) => {
      const pieces: Buffer[] = []
      reply.on('data', (piece: Buffer) => pieces.push(piece))
      reply.on('error', () => undefined) // the cut
      reply.on('close', () => resolve(Buffer.concat(pieces)))
    })
    asking.on('error', reject)
  })
}
