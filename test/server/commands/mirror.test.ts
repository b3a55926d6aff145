import { writeFile } from 'node:fs/promises'
import { createServer, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { resolveSettings } from '../../../src/server/config.ts'
import { configuredUpstream } from '../../../src/server/open.ts'
import { entropic } from '../../support/command-line.ts'
import { secureServer } from '../../support/secure-server.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { startUpstream } from '../../support/upstream.ts'

const packages = { lib: { '1.0.0': {}, '2.0.0': {} } }

test('gc keeps mirrored tarballs within their budget, and the decision on a version is explained', async () => {
  await using upstream = await startUpstream({ packages })
  await using folder = await temporaryFolder()
  const run = (settings: Record<string, string>, ...args: string[]) =>
    entropic({ folder: folder.path, environment: { UPSTREAM: upstream.url, ...settings } }, ...args)
  expect((await run({}, 'prefetch', 'lib@1', 'lib@2')).code).toBe(0)
  const dry = await run({ CACHE_BUDGET: '0' }, 'gc', '--dry-run')
  expect(dry.stdout).toMatch(/^Would forget 2 mirrored tarballs \(/)
  const offline = await run({ CACHE_BUDGET: '0', OFFLINE: 'true' }, 'gc')
  expect(offline.stdout).toMatch(/^Mirrored tarballs stay: the registry is offline\.\n/)
  expect((await run({ CACHE_BUDGET: '0' }, 'gc')).stdout).toMatch(/^Forgot 2 mirrored tarballs/)
  const rule = { POLICY_BLOCK: 'lib@>=2' }
  expect(await run(rule, 'policy', 'explain', 'lib@2.0.0')).toMatchObject({
    code: 1,
    stdout: 'lib@2.0.0 is withheld: it is blocked by "lib@>=2"\n',
  })
  expect(await run(rule, 'policy', 'explain', 'lib@1.0.0')).toMatchObject({ code: 0 })
  const asked = upstream.count()
  const unknown = await run({ OFFLINE: 'true' }, 'policy', 'explain', 'other@1.0.0')
  expect([unknown.code, unknown.stderr]).toEqual([1, expect.stringContaining('the registry is offline')])
  expect(upstream.count()).toBe(asked)
})

test('upstream routes are read from JSON, and what is wrong with them is refused', () => {
  const read = (UPSTREAMS: string) =>
    resolveSettings({ flags: {}, environment: { UPSTREAMS }, folder: '/' }).config.upstreams
  expect(read('[{"match":"@acme/*","url":"https://npm.acme.example/","token":"t"}]')).toEqual([
    { match: '@acme/*', url: 'https://npm.acme.example', token: 't' },
  ])
  expect(
    read(
      '[{"match":"*","url":"http://a.example","tarballs":["https://b.example/","https://c.example:8443"]}]',
    ),
  ).toEqual([
    { match: '*', url: 'http://a.example', tarballs: ['https://b.example', 'https://c.example:8443'] },
  ])
  for (const wrong of [
    '{}',
    '[{"match":"a"}]',
    '[{"match":"a","url":"x"}]',
    '[{"match":"a","url":"none","to":1}]',
    '[{"match":"a","url":"none","tarballs":["b.example"]}]',
    '[{"match":"a","url":"none","tarballs":[{}]}]',
  ])
    expect(() => read(wrong)).toThrow('UPSTREAMS')
})

test('gc leaves what came from an upstream that is offline, and modes are of upstreams that there are', async () => {
  await using upstream = await startUpstream({ packages })
  await using far = await startUpstream({ packages: { '@far/lib': { '1.0.0': {} } } })
  await using folder = await temporaryFolder()
  const run = (route: object, ...args: string[]) => {
    const UPSTREAMS = JSON.stringify([{ match: '@far/*', url: far.url, ...route }])
    const environment = { UPSTREAM: upstream.url, CACHE_BUDGET: '0', UPSTREAMS }
    return entropic({ folder: folder.path, environment }, ...args)
  }
  expect((await run({}, 'prefetch', 'lib@1', '@far/lib@1')).code).toBe(0)
  expect((await run({ mode: 'offline' }, 'gc', '--dry-run')).stdout).toMatch(
    /^Would forget 1 mirrored tarball \(/,
  )
  expect((await run({}, 'gc', '--dry-run')).stdout).toMatch(/^Would forget 2 mirrored tarballs/)
  const modeOf = async (...args: string[]) => (await run({}, 'mode', ...args)).stdout
  expect(await modeOf('offline', '--upstream', `${far.url}/`)).toBe('offline\n')
  expect(await modeOf('--upstream', far.url)).toBe('offline\n')
  expect(await modeOf()).toBe('online\n')
  expect((await run({}, 'gc', '--dry-run')).stdout).toMatch(/^Would forget 1 mirrored tarball \(/)
  const wrong = await run({}, 'mode', 'offline', '--upstream', 'https://elsewhere.example')
  expect([wrong.code, wrong.stderr]).toEqual([
    2,
    expect.stringContaining(`allowed: ${far.url}, ${upstream.url}`),
  ])
})

test('advisories are imported from an address, and no tarball is taken that is larger than allowed', async () => {
  await using upstream = await startUpstream({ packages })
  const hole = {
    id: 'GHSA-aaaa',
    affected: [
      {
        package: { ecosystem: 'npm', name: 'lib' },
        ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }] }],
      },
    ],
  }
  upstream.misbehave('/all.json', (_, reply) => void reply.end(JSON.stringify([hole])))
  await using folder = await temporaryFolder()
  const run = (settings: Record<string, string>, ...args: string[]) =>
    entropic({ folder: folder.path, environment: { UPSTREAM: upstream.url, ...settings } }, ...args)
  const small = await run({ MAX_MIRRORED: '10b' }, 'prefetch', 'lib@1')
  expect([small.code, small.stdout]).toEqual([1, expect.stringContaining('it is larger than 10 bytes')])
  const read = await run({}, 'advisories', 'import', `${upstream.url}/all.json`)
  expect(read.stdout).toContain('1 entry read, 1 of them new or changed; 1 advisory is known now')
  expect((await run({}, 'advisories', 'import', `${upstream.url}/none.json`)).stderr).toContain(
    'it is not there (404)',
  )
  await writeFile(join(folder.path, 'package.json'), '{"name":"box","version":"1.0.0"}')
  expect(await run({}, 'advisories', 'import', 'package.json')).toMatchObject({
    code: 1,
    stdout: '',
    stderr: 'Nothing in package.json is an advisory.\n',
  })
})

test('a name is claimed for an account that there is', async () => {
  await using folder = await temporaryFolder()
  const claim = (...args: string[]) =>
    entropic({ folder: folder.path }, 'package', 'claim', 'left-pad', ...args)
  const asked = 'It needs --for ACCOUNT: who may publish it.\n'
  expect(await claim()).toMatchObject({ code: 2, stderr: asked })
  expect(await claim('--for', 'kim')).toMatchObject({ code: 1, stderr: 'There is no account "kim".\n' })
})

test('a route has certificates and a proxy of its own', async () => {
  await using plain = await startUpstream({ packages })
  const through: string[] = []
  const forward = (to: string) => (reply: ServerResponse) =>
    void request(to, (there) => {
      reply.writeHead(there.statusCode ?? 0, there.headers)
      there.pipe(reply)
    }).end()
  await using secure = await secureServer(({ url }, reply) => forward(`${plain.url}${url}`)(reply))
  const proxy = createServer(({ url = '' }, reply) => {
    through.push(url)
    forward(url)(reply)
  })
  await new Promise<void>((resolve) => void proxy.listen(0, '127.0.0.1', resolve))
  const { port } = proxy.address() as AddressInfo // listening on TCP
  const kindOf = async (route: object, environment: Record<string, string> = {}) => {
    const UPSTREAMS = JSON.stringify([{ match: '*', retries: 0, ...route }])
    const settings = resolveSettings({ flags: {}, environment: { UPSTREAMS, ...environment }, folder: '/' })
    const upstream = configuredUpstream(settings.config, undefined)
    try {
      return (await upstream?.document('lib', { etag: undefined, lastModified: undefined }))?.kind
    } finally {
      await upstream?.close()
    }
  }
  await expect(kindOf({ url: secure.url })).rejects.toThrow('self-signed certificate')
  expect(await kindOf({ url: secure.url, ca: secure.certificate })).toBe('fresh')
  expect(through).toEqual([])
  expect(await kindOf({ url: plain.url, proxy: `http://127.0.0.1:${port}` })).toBe('fresh')
  expect(await kindOf({ url: plain.url, proxy: 'none' }, { HTTP_PROXY: 'http://127.0.0.1:1' })).toBe('fresh')
  expect(through).toEqual([`${plain.url}/lib`])
  proxy.close()
})
