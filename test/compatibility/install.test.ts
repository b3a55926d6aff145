import { expect } from 'vitest'
import { ADD, type ClientName } from '../clients/client.ts'
import { ALL, NPM, PNPM, row } from './rows.ts'
import {
  fails,
  forget,
  frozen,
  installed,
  publishTree,
  type RegistryChoice,
  type Stage,
  works,
} from './stage.ts'

const TARBALL = /\.tgz$/

row(
  { number: 1, statement: 'scoped and unscoped packages install with what they need', clients: ALL },
  async (stage, name) => void (await installsTree(stage, name)),
)

/** Resolves to the client and its wire, for more. */
async function installsTree(stage: Stage, name: ClientName, options: RegistryChoice = {}) {
  const { wire, kim } = await stage.registry(options)
  await publishTree(kim)
  const client = await stage.client(name, wire)
  await works(client, ...ADD[client.family], 'dep-a', '@kim/box')
  expect(await installed(client, '@kim/box')).toBe('2.0.0')
  expect(await installed(client, 'dep-a')).toBe('1.1.0')
  return { client, wire }
}

row(
  { number: 2, statement: 'a lock file installs with a cold cache, without metadata for most', clients: ALL },
  async (stage, name) => {
    const { client, wire } = await installsTree(stage, name)
    await forget(client)
    // pnpm 11 and 12 ask for metadata all the same: to judge a release's age.
    if (name !== 'pnpm' && name !== 'pnpm@12')
      wire.interrupt = (incoming, reply) => {
        if (TARBALL.test(incoming.url ?? '')) return false
        reply.writeHead(503).end()
        return true
      }
    await works(client, ...frozen(client))
    expect(await installed(client, 'dep-a')).toBe('1.1.0')
  },
)

row(
  {
    number: 5,
    statement: 'who asks for the abbreviated document gets it, everybody else the full one',
    clients: [...NPM, ...PNPM, 'bun'],
  },
  async (stage, name) => {
    const { wire, kim } = await stage.registry()
    await publishTree(kim)
    const client = await stage.client(name, wire)
    await works(client, ...ADD[client.family], 'dep-a')
    const asked = wire.heard.find(({ path }) => path === '/dep-a')
    expect(asked?.status).toBe(200)
    for (const accept of ['application/vnd.npm.install-v1+json', '*/*', 'application/json']) {
      const { headers, json } = await kim.get('/dep-a', { accept })
      expect('readme' in json).toBe(accept !== 'application/vnd.npm.install-v1+json')
      expect(headers.get('content-type')).toContain(accept === '*/*' ? 'application/json' : accept)
    }
  },
)

row(
  {
    number: 7,
    statement: 'the abbreviated document tells times, so one question is enough',
    clients: ['pnpm', 'pnpm@12'],
  },
  async (stage, name) => {
    const { wire, kim } = await stage.registry()
    await kim.publish('dep-b', '1.0.0')
    const client = await stage.client(name, wire)
    await client.write('pnpm-workspace.yaml', 'minimumReleaseAge: 1440\nminimumReleaseAgeStrict: false\n')
    await client.run(...ADD.pnpm, 'dep-b')
    expect(wire.lines(/^GET \/dep-b$/)).toHaveLength(1)
  },
)

row(
  { number: 11, statement: 'all of it holds under a path of the host', clients: ALL },
  async (stage, name) => {
    const { client, wire } = await installsTree(stage, name, { wire: { under: '/npm/private' } })
    await forget(client)
    await works(client, ...frozen(client))
    expect(await installed(client, 'dep-a')).toBe('1.1.0')
    for (const { path } of wire.heard) expect(path).toMatch(/^\/npm\/private\//)
  },
)

row(
  { number: 16, statement: 'an unknown package is told of once, clearly', clients: ALL },
  async (stage, name) => {
    const { wire } = await stage.registry()
    const client = await stage.client(name, wire)
    const output = await fails(client, ...ADD[client.family], 'no-such-thing')
    expect(output).toMatch(/404|not found|could not find "no-such-thing"|No candidates|failed to resolve/i)
    expect(wire.lines(/^GET \/no-such-thing/)).toHaveLength(1)
  },
)
