import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { days, hours } from '../../src/base/time.ts'
import { ADD, type Client } from '../clients/client.ts'
import { TurnedClock } from '../support/mirror.ts'
import { Visitor } from '../support/visitor.ts'
import { ALL, NPM, PNPM, row } from './rows.ts'
import { anew, fails, forget, frozen, installed, publishing, works, writePackage } from './stage.ts'

const ago = (millis: number) => new Date(Date.now() - millis).toISOString()
const TARBALL = /\.tgz$/

row(
  {
    number: 95,
    statement: 'a cold install from a lock file asks no more of packages that are old enough',
    clients: ['pnpm@12'],
  },
  async (stage, name) => {
    const upstream = await stage.upstream({ left: { '1.0.0': {} } })
    const { app, wire } = await stage.registry({ upstream: upstream.url })
    const client = await stage.client(name, wire)
    await works(client, 'add', 'left')
    await forget(client)
    await client.write('pnpm-workspace.yaml', 'minimumReleaseAge: 1440\n')
    wire.heard.length = 0
    await works(client, ...frozen(client))
    expect(wire.lines(/left$/)).toHaveLength(1)
    const { headers } = await app.anonymous().send('HEAD', '/left')
    expect(headers.get('last-modified')).toBe(new Date('2020-01-02T03:04:05Z').toUTCString())
  },
)

row(
  {
    number: 96,
    statement: 'a trust policy judges mirrored packages by what the upstream says of their publishers',
    clients: PNPM,
  },
  async (stage, name) => {
    const upstream = await stage.upstream({})
    const manifest = { _npmUser: { name: 'ci', email: '', trustedPublisher: { id: 'github' } } }
    const provenance = { predicateType: 'https://slsa.dev/provenance/v1' }
    const trusted = { manifest, dist: { attestations: { url: upstream.url, provenance } } }
    await upstream.publish('left', '1.0.0', trusted)
    await upstream.publish('left', '1.1.0', { ...trusted, time: ago(days(3)) })
    await upstream.publish('right', '1.0.0', trusted)
    await upstream.publish('right', '1.1.0', { time: ago(days(3)) })
    const { wire } = await stage.registry({ upstream: upstream.url })
    const client = await stage.client(name, wire)
    await client.write('pnpm-workspace.yaml', 'trustPolicy: no-downgrade\nminimumReleaseAge: 0\n')
    await works(client, 'add', 'left@1.1.0')
    expect(await fails(client, 'add', 'right@1.1.0')).toMatch(/trust/i)
  },
)

/** Makes the client wait a day for releases; resolves to the words it takes besides. */
async function waiting(client: Client): Promise<readonly string[]> {
  if (client.family === 'pnpm') await client.write('pnpm-workspace.yaml', 'minimumReleaseAge: 1440\n')
  if (client.family === 'berry') await client.write('.yarnrc.yml', 'npmMinimalAgeGate: 1440\n')
  if (client.family === 'bun') return ['--minimum-release-age=86400']
  if (client.name === 'npm@10') return [`--before=${ago(days(1))}`]
  return client.family === 'npm' ? ['--min-release-age=1'] : []
}

row(
  {
    number: 97,
    statement: 'who waits for releases to age gets the version that was there before',
    clients: [...NPM, ...PNPM, 'berry', 'bun'],
  },
  async (stage, name) => {
    const upstream = await stage.upstream({ left: { '1.0.0': {} } })
    await upstream.publish('left', '1.1.0', { time: ago(hours(1)) })
    const { wire } = await stage.registry({ upstream: upstream.url })
    const client = await stage.client(name, wire)
    await works(client, ...ADD[client.family], ...(await waiting(client)), 'left@^1.0.0')
    expect(await installed(client, 'left')).toBe('1.0.0')
  },
)

/** What the start page tells kim to run for Yarn berry: the words of each command. */
async function berryLines(url: string): Promise<string[][]> {
  const kim = new Visitor(url)
  await kim.logIn('kim')
  const { text } = await kim.get('/')
  const line = /<dt>Yarn berry<\/dt>.*?<code>(.*?)<\/code>/s.exec(text)?.[1] ?? ''
  const plain = line.replaceAll('&quot;', '"').replaceAll('&#39;', "'").replaceAll('&amp;', '&')
  return plain
    .split(' && ')
    .map((command) => [...command.matchAll(/'(.*?)'|(\S+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? ''))
}

row(
  {
    number: 98,
    statement: 'set up as the start page says, a private package installs as soon as it is published',
    clients: ['berry'],
  },
  async (stage, name) => {
    const upstream = await stage.upstream({ left: { '1.0.0': {} } })
    await upstream.publish('left', '1.1.0', { time: ago(hours(1)) })
    const { app, wire, kim } = await stage.registry({ upstream: upstream.url })
    await kim.publish('@kim/box', '1.0.0')
    await kim.send('POST', '/-/package/@kim%2fbox/access', { body: { access: 'restricted' } })
    const client = await stage.client(name, wire)
    await writeFile(
      join(client.home, '.yarnrc.yml'),
      `nodeLinker: node-modules\nnpmAuthToken: ${kim.token}\n`,
    )
    for (const [, ...words] of await berryLines(app.url)) await works(client, ...words)
    await works(client, 'add', '@kim/box', 'left@^1.0.0')
    expect(await installed(client, '@kim/box')).toBe('1.0.0')
    expect(await installed(client, 'left')).toBe('1.0.0')
  },
)

row(
  {
    number: 99,
    statement: 'a tarball may lie on another host, which does not get the token',
    clients: ALL,
  },
  async (stage, name) => {
    const { app, wire, kim } = await stage.registry()
    const other = (await stage.registry()).wire
    other.leadTo(app.url)
    await kim.publish('@kim/box', '1.0.0')
    wire.interrupt = (incoming, reply) => {
      if (!TARBALL.test(incoming.url ?? '')) return false
      reply.writeHead(302, { location: other.url.replace('127.0.0.1', 'localhost') + incoming.url }).end()
      return true
    }
    const client = await stage.client(name, wire, { token: kim.token })
    await works(client, ...ADD[client.family], '@kim/box')
    expect(await installed(client, '@kim/box')).toBe('1.0.0')
    expect(wire.heard.some(({ headers }) => headers.authorization !== undefined)).toBe(true)
    expect(other.heard.map(({ headers }) => headers.authorization)).toEqual([undefined])
  },
)

row(
  {
    number: 100,
    statement: 'a blocked version is refused with the reason on the screen',
    // pnpm 12 shows the status alone.
    clients: [...NPM, 'pnpm@10', 'pnpm'],
  },
  async (stage, name) => {
    const upstream = await stage.upstream({ left: { '1.0.0': {}, '1.1.0': {} } })
    const { wire } = await stage.registry({ upstream: upstream.url })
    const client = await stage.client(name, wire)
    await works(client, ...ADD[client.family], 'left@1.1.0')
    await forget(client)
    const strict = await stage.registry({ upstream: upstream.url, rules: { block: ['left@1.1.0'] } })
    wire.leadTo(strict.app.url)
    const output = await fails(client, ...frozen(client))
    expect(output).toMatch(/403/)
    expect(output).toMatch(/blocked by|withheld/)
  },
)

row(
  {
    number: 101,
    statement: 'who is told to come again later does so',
    clients: [...NPM, ...PNPM, 'bun'],
  },
  async (stage, name) => {
    const { wire, kim } = await stage.registry()
    await kim.publish('dep-b', '1.0.0')
    let refusals = 1
    wire.interrupt = (_, reply) => {
      if (refusals-- <= 0) return false
      reply.writeHead(429, { 'retry-after': '1' }).end('{}')
      return true
    }
    const client = await stage.client(name, wire)
    await client.write('.npmrc', 'fetch-retry-mintimeout=10\nfetch-retry-maxtimeout=100\n')
    await client.write('pnpm-workspace.yaml', 'minimumReleaseAge: 0\nfetchRetryMintimeout: 10\n')
    await works(client, ...ADD[client.family], 'dep-b@^1.0.0')
    expect(await installed(client, 'dep-b')).toBe('1.0.0')
  },
)

row(
  {
    number: 102,
    statement: 'what the registry has to say to everybody is shown',
    clients: NPM,
  },
  async (stage, name) => {
    const { wire } = await stage.registry({ notice: 'We move house on Monday.' })
    const client = await stage.client(name, wire)
    expect(await works(client, 'ping')).toContain('notice We move house on Monday.')
  },
)

row(
  {
    number: 103,
    statement: 'of two who publish a version at once one succeeds',
    clients: ALL,
  },
  async (stage, name) => {
    const { wire, kim } = await stage.registry()
    const rivals = [
      await stage.client(name, wire, { token: kim.token }),
      await stage.client(name, wire, { token: kim.token }),
    ]
    for (const rival of rivals) {
      await writePackage(rival, { name: '@kim/box', version: '1.0.0' })
      await rival.write('index.js', `// ${rival.home}\n`)
    }
    const codes = (await Promise.all(rivals.map((rival) => rival.run(...publishing(rival))))).map(
      ({ code }) => code === 0,
    )
    expect(codes.sort()).toEqual([false, true])
    const puts = wire.heard.filter(({ method }) => method === 'PUT').map(({ status }) => status)
    expect(puts.filter((status) => status === 201)).toHaveLength(1)
    expect(Object.keys((await kim.get('/@kim%2fbox')).json.versions)).toEqual(['1.0.0'])
  },
)

row(
  {
    number: 104,
    statement: 'the next install sees when a version is held back no more',
    clients: NPM,
  },
  async (stage, name) => {
    const clock = new TurnedClock()
    const upstream = await stage.upstream({ left: { '1.0.0': {} } })
    await upstream.publish('left', '1.1.0', { time: new Date(clock.now() - hours(1)).toISOString() })
    const { app, wire } = await stage.registry({
      upstream: upstream.url,
      clock,
      rules: { minimumAge: days(1) },
    })
    const client = await stage.client(name, wire)
    await works(client, 'install', 'left@^1.0.0')
    expect(await installed(client, 'left')).toBe('1.0.0')
    const before = (await app.anonymous().get('/left')).headers
    clock.turn(days(1))
    const after = (await app.anonymous().get('/left')).headers
    expect(after.get('etag')).not.toBe(before.get('etag'))
    await anew(client)
    await works(client, 'install', 'left@^1.0.0')
    expect(await installed(client, 'left')).toBe('1.1.0')
  },
)

row(
  {
    number: 105,
    statement: 'a restricted package is nowhere for strangers, and in no cache that people share',
    clients: ALL,
  },
  async (stage, name) => {
    const { app, wire, kim } = await stage.registry()
    await kim.publish('@kim/box', '1.0.0')
    await kim.send('POST', '/-/package/@kim%2fbox/access', { body: { access: 'restricted' } })
    const member = await stage.client(name, wire, { token: kim.token })
    const stranger = await stage.client(name, wire)
    await works(member, ...ADD[member.family], '@kim/box')
    await fails(stranger, ...ADD[stranger.family], '@kim/box')
    for (const path of ['/@kim%2fbox', '/@kim/box/-/box-1.0.0.tgz', '/@kim%2fbox/1.0.0'])
      expect((await kim.get(path)).headers.get('cache-control')).toContain('private')
    const totals = [kim, app.anonymous()].map(
      async (who) => (await who.get('/-/v1/search?text=box')).json.total,
    )
    expect(await Promise.all(totals)).toEqual([1, 0])
  },
)

row(
  {
    number: 106,
    statement: 'a lock file made with npm’s own registry installs from here, under a path too',
    clients: NPM,
  },
  async (stage, name) => {
    const { wire, kim } = await stage.registry()
    await kim.publish('dep-b', '1.0.0')
    const client = await stage.client(name, wire, { path: '/npm' })
    await works(client, 'install', 'dep-b')
    const theirs = (await works(client, 'config', 'get', 'registry', '--userconfig=/dev/null')).trim()
    const lock = await readFile(join(client.project, 'package-lock.json'), 'utf8')
    expect(lock).toContain(`${wire.url}/npm/dep-b/-/`)
    await client.write('package-lock.json', lock.replaceAll(`${wire.url}/npm/`, theirs))
    await forget(client)
    await works(client, 'ci')
    expect(await installed(client, 'dep-b')).toBe('1.0.0')
  },
)
