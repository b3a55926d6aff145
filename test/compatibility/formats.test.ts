import { readFileSync } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { ADD, type ClientName } from '../clients/client.ts'
import type { NpmUser } from '../support/npm-user.ts'
import { Authority } from '../support/x509.ts'
import { ALL, NPM, PNPM, row } from './rows.ts'
import { deprecate, installed, publishTree, type Stage, works } from './stage.ts'

const CORGI = 'application/vnd.npm.install-v1+json'
const SPELLINGS = ['/@kim%2fbox', '/@kim%2Fbox', '/%40kim%2fbox', '/@kim/box']

row(
  { number: 3, statement: 'a scoped name is the same in its four spellings', clients: ALL },
  async (stage, name) => {
    const { wire, kim } = await stage.registry()
    await publishTree(kim)
    const client = await stage.client(name, wire)
    await works(client, ...ADD[client.family], '@kim/box')
    const asked = wire.heard.filter(({ path }) => /^\/@kim(%2f|\/)box$/i.test(path))
    expect(asked.map(({ status }) => status)).toContain(200)
    for (const accept of [CORGI, 'application/json']) {
      const answers = await Promise.all(SPELLINGS.map((path) => kim.get(path, { accept })))
      expect(new Set(answers.map(({ bytes }) => bytes.toString())).size).toBe(1)
      expect(answers[0]?.status).toBe(200)
    }
  },
)

row(
  { number: 4, statement: 'a scoped tarball is at the escaped path too', clients: ['berry'] },
  async (stage, name) => {
    const { wire, kim } = await stage.registry()
    await publishTree(kim)
    const client = await stage.client(name, wire)
    await works(client, 'add', '@kim/box')
    expect(wire.lines(/tgz/)).toContain('GET /@kim%2fbox/-/box-2.0.0.tgz')
    const [escaped, plain] = [
      await kim.get('/@kim%2fbox/-/box-2.0.0.tgz'),
      await kim.get('/@kim/box/-/box-2.0.0.tgz'),
    ]
    expect(escaped.bytes).toEqual(plain.bytes)
  },
)

row(
  { number: 6, statement: 'who accepts anything gets times and scripts', clients: ['berry'] },
  async (stage, name) => {
    const { wire, kim } = await stage.registry()
    await kim.publish('dep-b', '1.0.0', { manifest: { scripts: { test: 'true' } } })
    const client = await stage.client(name, wire)
    const told = JSON.parse(await works(client, 'npm', 'info', 'dep-b', '--fields', 'scripts,time', '--json'))
    expect(told).toMatchObject({ scripts: { test: 'true' }, time: { '1.0.0': expect.any(String) } })
    expect(wire.heard[0]?.headers.accept).toBeUndefined()
  },
)

row(
  { number: 8, statement: 'old versions pass the gate that holds young ones back', clients: ['berry'] },
  async (stage, name) => {
    const upstream = await stage.upstream({ old: { '1.0.0': {}, '1.1.0': {} } })
    const { wire } = await stage.registry({ upstream: upstream.url })
    const client = await stage.client(name, wire)
    await client.write('.yarnrc.yml', 'npmMinimalAgeGate: 1440\n')
    await works(client, 'add', 'old')
    expect(await installed(client, 'old')).toBe('1.1.0')
  },
)

row(
  { number: 9, statement: 'tarballs are under the address the document came from', clients: ['npm@12'] },
  (stage, name) => installsFromOneOrigin(stage, name),
)

row(
  { number: 10, statement: 'the same behind a proxy that ends TLS', clients: ['npm@12'] },
  async (stage, name) => {
    const names = [{ ip: '127.0.0.1' }]
    const tls = new Authority('nobody').issue({ commonName: 'here', names })
    await installsFromOneOrigin(stage, name, { trustProxy: true, wire: { tls } })
  },
)

async function installsFromOneOrigin(
  stage: Stage,
  name: ClientName,
  options: Parameters<Stage['registry']>[0] = {},
): Promise<void> {
  const upstream = await stage.upstream({ left: { '1.0.0': {} } })
  const { wire, kim } = await stage.registry({ ...options, upstream: upstream.url })
  await publishTree(kim)
  const client = await stage.client(name, wire)
  await client.write('.npmrc', 'strict-ssl=false\n')
  await works(client, 'install', 'left', 'dep-a', '@kim/box')
  const lock = JSON.parse(readFileSync(join(client.project, 'package-lock.json'), 'utf8'))
  const { '': _, ...packages } = lock.packages
  expect(Object.keys(packages)).toHaveLength(4)
  for (const { resolved } of Object.values<{ resolved: string }>(packages))
    expect(resolved.startsWith(`${wire.url}/`)).toBe(true)
}

row(
  { number: 12, statement: 'mirrored versions that have a shasum alone install', clients: ALL },
  async (stage, name) => {
    const upstream = await stage.upstream({ ancient: { '1.0.0': { dist: { integrity: undefined } } } })
    const { wire } = await stage.registry({ upstream: upstream.url })
    const client = await stage.client(name, wire)
    await works(client, ...ADD[client.family], 'ancient')
    expect(await installed(client, 'ancient')).toBe('1.0.0')
  },
)

row(
  { number: 13, statement: 'a deprecated version installs, and its users are told', clients: ALL },
  async (stage, name) => {
    const { wire, kim } = await stage.registry()
    await kim.publish('dep-b', '1.0.0')
    await deprecate(kim, 'dep-b', { version: '1.0.0', text: 'use something else' })
    const client = await stage.client(name, wire)
    const output = await works(client, ...ADD[client.family], 'dep-b')
    expect(await installed(client, 'dep-b')).toBe('1.0.0')
    const told = { npm: 'use something else', yarn: 'use something else', pnpm: 'deprecated dep-b@1.0.0' }
    const { family } = client
    if (family !== 'berry' && family !== 'bun') expect(output).toContain(told[family])
  },
)

const RICH = {
  bin: { tool: 'index.js' },
  engines: { node: '>=18' },
  funding: 'https://example.org/fund',
  peerDependencies: { 'dep-b': '*' },
  peerDependenciesMeta: { 'dep-b': { optional: true } },
  optionalDependencies: { elsewhere: '1.0.0' },
  bundleDependencies: ['inside'],
  dependencies: { inside: '1.0.0' },
}
const PLATFORM = { os: ['aix'], cpu: ['s390x'], libc: ['musl'] }

row(
  { number: 14, statement: 'what installing needs to know of a package is kept', clients: ALL },
  async (stage, name) => {
    const { wire, kim } = await stage.registry()
    await publishRich(kim)
    const client = await stage.client(name, wire)
    await works(client, ...ADD[client.family], 'rich')
    const modules = join(client.project, 'node_modules')
    expect(await readdir(join(modules, '.bin'))).toContain('tool')
    expect(await readdir(modules)).not.toContain('elsewhere')
    for (const accept of [CORGI, 'application/json']) {
      expect((await kim.get('/rich', { accept })).json.versions['1.0.0']).toMatchObject(RICH)
      expect((await kim.get('/elsewhere', { accept })).json.versions['1.0.0']).toMatchObject(PLATFORM)
    }
  },
)

async function publishRich(kim: NpmUser): Promise<void> {
  await kim.publish('elsewhere', '1.0.0', { manifest: PLATFORM })
  await kim.publish('inside', '1.0.0') // some clients look it up all the same
  const inside = JSON.stringify({ name: 'inside', version: '1.0.0' })
  const files = { 'index.js': '#!/usr/bin/env node\n', 'node_modules/inside/package.json': inside }
  expect((await kim.publish('rich', '1.0.0', { manifest: RICH, files })).status).toBe(201)
}

row(
  {
    number: 15,
    statement: 'the abbreviated document tells of install scripts',
    clients: [...NPM, ...PNPM, 'yarn', 'bun'],
  },
  async (stage, name) => {
    const { wire, kim } = await stage.registry()
    await kim.publish('scripted', '1.0.0', { manifest: { scripts: { postinstall: 'exit 0' } } })
    await kim.publish('built', '1.0.0', { files: { 'binding.gyp': '{}' } })
    await kim.publish('plain', '1.0.0', { manifest: { scripts: { test: 'exit 0' } } })
    const client = await stage.client(name, wire)
    await works(client, ...ADD[client.family], 'scripted', '--ignore-scripts')
    const tells = async (called: string) =>
      (await kim.get(`/${called}`, { accept: CORGI })).json.versions['1.0.0'].hasInstallScript
    expect([await tells('scripted'), await tells('built'), await tells('plain')]).toEqual([
      true,
      true,
      undefined,
    ])
  },
)
