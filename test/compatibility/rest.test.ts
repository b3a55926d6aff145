import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { ADD, type Client } from '../clients/client.ts'
import { Authority, type Certified } from '../support/x509.ts'
import { ALL, NPM, row } from './rows.ts'
import { anew, fails, forget, installed, publishing, publishTree, works, writePackage } from './stage.ts'
import type { Wire } from './wire.ts'

row(
  {
    number: 107,
    statement: 'through a proxy that wants certificates come those who have one, and nobody else',
    clients: NPM,
  },
  async (stage, name) => {
    const [ours, theirs] = [new Authority('ours'), new Authority('theirs')]
    const here = ours.issue({ commonName: 'here', names: [{ ip: '127.0.0.1' }] })
    const tls = { ...here, clientsOf: ours.own.cert }
    const { wire, kim } = await stage.registry({ trustProxy: true, wire: { tls } })
    await publishTree(kim)
    const client = await stage.client(name, wire, { token: kim.token })
    await writePackage(client, { name: '@kim/case', version: '1.0.0' })
    for (const shown of [undefined, theirs.issue({ commonName: 'eve' })]) {
      await show(client, wire, { authority: ours, shown })
      await fails(client, ...ADD[client.family], 'dep-a')
      await fails(client, ...publishing(client))
    }
    expect(wire.heard).toEqual([])
    await show(client, wire, { authority: ours, shown: ours.issue({ commonName: 'kim' }) })
    await works(client, ...publishing(client))
    await anew(client)
    await works(client, ...ADD[client.family], 'dep-a', '@kim/case')
    expect(await installed(client, 'dep-a')).toBe('1.1.0')
    expect(await installed(client, '@kim/case')).toBe('1.0.0')
  },
)

/** Tells the client whose servers to trust, and which certificate to show. */
async function show(
  client: Client,
  wire: Wire,
  { authority, shown }: { authority: Authority; shown: Certified | undefined },
): Promise<void> {
  const file = (called: string) => join(client.home, called)
  await writeFile(file('authority.pem'), authority.own.cert)
  const lines = [`cafile=${file('authority.pem')}`, 'fetch-retries=0']
  if (shown) {
    await writeFile(file('cert.pem'), shown.cert)
    await writeFile(file('key.pem'), shown.key)
    const { host } = new URL(wire.url)
    lines.push(`//${host}/:certfile=${file('cert.pem')}`, `//${host}/:keyfile=${file('key.pem')}`)
  }
  await client.write('.npmrc', `${lines.join('\n')}\n`)
}

row(
  // npm 12 has none of them.
  { number: 108, statement: 'npm star, unstar and stars', clients: ['npm@10', 'npm'] },
  async (stage, name) => {
    const { wire, kim } = await stage.registry()
    await kim.publish('@kim/box', '1.0.0')
    const client = await stage.client(name, wire, { token: kim.token })
    await works(client, 'star', '@kim/box')
    expect(await works(client, 'stars')).toContain('@kim/box')
    expect(await works(client, 'stars', 'kim')).toContain('@kim/box')
    await works(client, 'unstar', '@kim/box')
    expect(await works(client, 'stars')).not.toContain('@kim/box')
  },
)

row(
  { number: 109, statement: 'pnpm star, unstar and stars', clients: ['pnpm', 'pnpm@12'] },
  async (stage, name) => {
    const { wire, kim } = await stage.registry()
    await kim.publish('@kim/box', '1.0.0')
    const client = await stage.client(name, wire, { token: kim.token })
    await works(client, 'star', '@kim/box')
    expect(await works(client, 'stars')).toContain('@kim/box')
    await works(client, 'unstar', '@kim/box')
    expect(await works(client, 'stars')).not.toContain('@kim/box')
  },
)

row(
  {
    number: 110,
    statement: 'pnpm publish -r --batch is answered by 404, and nothing is published',
    clients: ['pnpm', 'pnpm@12'],
  },
  async (stage, name) => {
    const { wire, kim } = await stage.registry()
    const client = await stage.client(name, wire, { token: kim.token })
    await client.write('pnpm-workspace.yaml', 'packages: ["packages/*"]\nminimumReleaseAge: 0\n')
    for (const part of ['box', 'lid'])
      await client.write(`packages/${part}/package.json`, { name: `@kim/${part}`, version: '1.0.0' })
    await fails(client, 'publish', '-r', '--batch', '--no-git-checks')
    expect(wire.heard.findLast(({ method }) => method === 'PUT')).toMatchObject({
      path: '/-/pnpr/v0/publish',
      status: 404,
    })
    expect((await kim.get('/@kim%2fbox')).status).toBe(404)
  },
)

row(
  {
    number: 111,
    statement: 'pnpm access list packages tells what one may publish',
    clients: ['pnpm', 'pnpm@12'],
  },
  async (stage, name) => {
    const { wire, kim } = await stage.registry()
    await kim.publish('@kim/box', '1.0.0')
    const client = await stage.client(name, wire, { token: kim.token })
    expect(await works(client, 'access', 'list', 'packages')).toContain('@kim/box')
  },
)

row(
  { number: 113, statement: 'bun pm whoami is answered, whatever encodings it asks for', clients: ['bun'] },
  async (stage, name) => {
    const { wire, kim } = await stage.registry()
    const client = await stage.client(name, wire, { token: kim.token })
    expect(await works(client, 'pm', 'whoami')).toContain('kim')
  },
)

row(
  {
    number: 114,
    statement: 'what Bun adds to a manifest on its own account is not stored',
    clients: ['bun'],
  },
  async (stage, name) => {
    const { wire, kim } = await stage.registry()
    const client = await stage.client(name, wire, { token: kim.token })
    await writePackage(client, { name: '@kim/box', version: '1.0.0' })
    await works(client, ...publishing(client))
    const stored = (await kim.get('/@kim%2fbox')).json.versions['1.0.0']
    for (const added of ['_integrity', 'integrity', 'shasum']) expect(stored).not.toHaveProperty(added)
  },
)

row(
  {
    number: 115,
    statement: 'npm’s search for a newer npm, and npm doctor, are answered from the mirror or by 404',
    clients: NPM,
  },
  async (stage, name) => {
    const upstream = await stage.upstream({ npm: { '99.0.0': {} } })
    const { wire } = await stage.registry({ upstream: upstream.url })
    const client = await stage.client(name, wire)
    expect(await works(client, 'view', 'npm', 'version')).toContain('99.0.0')
    await works(client, 'doctor', 'connection')
    const asked = wire.heard.filter(({ path }) => /^\/(?:npm|-\/ping)(?:\?|$)/.test(path))
    expect(new Set(asked.map(({ path }) => path.replace(/\?.*/, '')))).toEqual(new Set(['/npm', '/-/ping']))
    expect(new Set(asked.map(({ status }) => status))).toEqual(new Set([200]))
  },
)

row(
  {
    number: 116,
    statement: 'the pins of a package with a shrinkwrap are heeded',
    // npm 12 does not heed them.
    clients: ['npm@10', 'npm'],
  },
  async (stage, name) => {
    const { wire, kim } = await stage.registry()
    await kim.publish('dep-b', '1.0.0')
    const { integrity } = (await kim.get('/dep-b/1.0.0')).json.dist
    await kim.publish('dep-b', '1.1.0')
    const client = await stage.client(name, wire, { token: kim.token })
    const dependencies = { 'dep-b': '^1.0.0' }
    await writePackage(client, { name: 'dep-a', version: '1.0.0', dependencies } as never)
    const pinned = { version: '1.0.0', resolved: `${wire.url}/dep-b/-/dep-b-1.0.0.tgz`, integrity }
    await client.write('npm-shrinkwrap.json', {
      name: 'dep-a',
      version: '1.0.0',
      lockfileVersion: 3,
      packages: { '': { name: 'dep-a', version: '1.0.0', dependencies }, 'node_modules/dep-b': pinned },
    })
    await works(client, 'publish')
    expect((await kim.get('/dep-a/1.0.0')).json._hasShrinkwrap).toBe(true)
    await anew(client)
    await works(client, 'install', 'dep-a')
    expect(await installed(client, 'dep-a/node_modules/dep-b')).toBe('1.0.0')
  },
)

row(
  {
    number: 117,
    statement: 'a version that policy withholds is passed over, and npm says why it is not to be had',
    clients: ALL,
  },
  async (stage, name) => {
    const upstream = await stage.upstream({ left: { '1.0.0': {}, '1.1.0': {} } })
    const { wire } = await stage.registry({ upstream: upstream.url, rules: { block: ['left@1.1.0'] } })
    const client = await stage.client(name, wire)
    await works(client, ...ADD[client.family], 'left@^1.0.0')
    expect(await installed(client, 'left')).toBe('1.0.0')
    await anew(client)
    const output = await fails(client, ...ADD[client.family], 'left@1.1.0')
    if (client.family === 'npm')
      expect(output).toMatch(/E403[\s\S]*left@1\.1\.0[\s\S]*1\.1\.0: it is blocked by "left@1\.1\.0"/)
    expect(wire.lines(/left-1\.1\.0\.tgz/)).toEqual([])
  },
)

row(
  {
    number: 118,
    statement: 'documents come compressed as the client likes it best',
    clients: ['pnpm@12', 'bun'],
  },
  async (stage, name) => {
    const { wire, kim } = await stage.registry()
    const readme = 'long enough to be worth it '.repeat(200)
    await kim.publish('dep-b', '1.0.0', { manifest: { dependencies: {}, readme } })
    const client = await stage.client(name, wire)
    await works(client, ...ADD[client.family], 'dep-b@^1.0.0')
    const asked = wire.heard.find(({ path }) => path === '/dep-b')
    const wanted = String(asked?.headers['accept-encoding'])
    const { headers } = await kim.get('/dep-b', { 'accept-encoding': wanted })
    expect(wanted).toMatch(/zstd/)
    expect(headers.get('content-encoding')).toMatch(/zstd|br/)
  },
)

row(
  {
    number: 119,
    statement: 'a package taken back whole is gone at once, for caches too, and clearly so',
    clients: ALL,
  },
  async (stage, name) => {
    const { wire, kim } = await stage.registry()
    await kim.publish('@kim/box', '1.0.0')
    const client = await stage.client(name, wire, { token: kim.token })
    await works(client, ...ADD[client.family], '@kim/box')
    const { json } = await kim.get('/@kim%2fbox?write=true')
    expect((await kim.send('DELETE', `/@kim%2fbox/-rev/${json._rev}`)).status).toBe(200)
    await anew(client)
    // pnpm 10 and 11 go on with what they have kept; they are told all the same.
    await client.run(...ADD[client.family], '@kim/box')
    expect(wire.heard.findLast(({ path }) => /^\/@kim(?:\/|%2f)box(?:\/latest)?$/i.test(path))).toMatchObject(
      {
        status: 404,
      },
    )
    await anew(client)
    await forget(client)
    const output = await fails(client, ...ADD[client.family], '@kim/box')
    expect(output).toMatch(/404|not found|could not find|No candidates|failed to resolve/i)
    expect((await kim.get('/@kim%2fbox')).status).toBe(404)
  },
)

row(
  {
    number: 120,
    statement: 'what no client asks for any more, or never did, is a plain 404 in JSON',
    clients: ALL,
  },
  async (stage, name) => {
    const { app, wire } = await stage.registry()
    const client = await stage.client(name, wire)
    await fails(client, ...ADD[client.family], 'no-such-thing')
    for (const path of ['/-/all', '/-/all/since', '/-/by-user/kim', '/-/v1/advisories', '/-/no/such/thing']) {
      const { status, json, bytes } = await app.anonymous().get(path)
      expect([status, json.code]).toEqual([404, 'NOT_FOUND'])
      expect(bytes.toString()).not.toMatch(/\.ts:|node_modules/)
    }
  },
)
