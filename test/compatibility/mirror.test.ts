import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { days, minutes } from '../../src/base/time.ts'
import { ADD, type Client, type ClientName } from '../clients/client.ts'
import { TurnedClock } from '../support/mirror.ts'
import { tarballPath } from '../support/upstream.ts'
import { ALL, NPM, PNPM, row } from './rows.ts'
import {
  anew,
  fails,
  forget,
  frozen,
  installed,
  publishing,
  type Stage,
  works,
  writePackage,
} from './stage.ts'

const TREE = {
  'dep-b': { '1.0.0': {} },
  'dep-a': { '1.1.0': { manifest: { dependencies: { 'dep-b': '^1.0.0' } } } },
  '@far/box': { '2.0.0': { manifest: { dependencies: { 'dep-b': '*' } } } },
}

/** A registry over an upstream with that tree, and a client. The clock stands still until it is turned. */
async function open(stage: Stage, name: ClientName) {
  const upstream = await stage.upstream(TREE)
  const clock = new TurnedClock()
  const opened = await stage.registry({ upstream: upstream.url, clock })
  const client = await stage.client(name, opened.wire, { token: opened.kim.token })
  return { ...opened, upstream, clock, client }
}

async function addsTree(client: Client): Promise<void> {
  await works(client, ...ADD[client.family], 'dep-a', '@far/box')
  expect(await installed(client, '@far/box')).toBe('2.0.0')
  expect(await installed(client, 'dep-a')).toBe('1.1.0')
}

/** With empty caches and without a lock file, as on another computer. */
async function elsewhere(client: Client): Promise<void> {
  await forget(client)
  await anew(client)
}

row(
  {
    number: 62,
    statement: 'what only the upstream has installs, the second time without asking it',
    clients: ALL,
  },
  async (stage, name) => {
    const { upstream, client } = await open(stage, name)
    await addsTree(client)
    const asked = packagesAsked(upstream.requests)
    expect(asked).toContain('/dep-a')
    await elsewhere(client)
    await addsTree(client)
    expect(packagesAsked(upstream.requests)).toEqual(asked)
  },
)

/** Without what clients ask about themselves and about advisories. */
function packagesAsked(requests: readonly { readonly path: string }[]): string[] {
  return requests.map(({ path }) => path).filter((path) => /^\/(?:dep-|@far)/.test(path))
}

row(
  { number: 63, statement: 'what was fetched once installs without the upstream', clients: ALL },
  async (stage, name) => {
    const { upstream, clock, client } = await open(stage, name)
    await addsTree(client)
    await upstream.stop()
    clock.turn(days(3))
    await forget(client)
    await works(client, ...frozen(client))
    await elsewhere(client)
    await addsTree(client)
  },
)

row(
  { number: 64, statement: 'an upstream that fails or hangs is stood in for', clients: ALL },
  async (stage, name) => {
    const { upstream, clock, kim, client } = await open(stage, name)
    await addsTree(client)
    upstream.misbehave('/dep-a', { status: 503 })
    upstream.misbehave('/dep-b', 'hang')
    clock.turn(days(3))
    await elsewhere(client)
    await addsTree(client)
    upstream.misbehave('/unseen', { status: 503 })
    expect((await kim.get('/unseen')).status).toBe(502)
  },
)

/** Clients wait long before they ask again. */
async function askOnce(client: Client): Promise<void> {
  await appendFile(join(client.home, '.npmrc'), 'fetch-retries=0\n')
  await appendFile(join(client.home, '.yarnrc.yml'), 'httpRetry: 0\n')
  if (client.family === 'pnpm')
    await appendFile(join(client.project, 'pnpm-workspace.yaml'), 'fetchRetries: 0\n')
}

row(
  { number: 65, statement: 'bytes that are not what the upstream promised reach nobody', clients: ALL },
  async (stage, name) => {
    const { upstream, kim, client } = await open(stage, name)
    await askOnce(client)
    const path = tarballPath('dep-b', '1.0.0')
    upstream.misbehave(path, 'wrong bytes')
    await fails(client, ...ADD[client.family], 'dep-b')
    const { status, json } = await kim.get(path)
    expect([status, json.error]).toEqual([502, expect.stringContaining('dep-b')])
    upstream.behave(path)
    await elsewhere(client)
    await works(client, ...ADD[client.family], 'dep-b')
  },
)

row(
  { number: 66, statement: 'a claimed scope is never asked for upstream', clients: ALL },
  async (stage, name) => {
    const { upstream, kim, client } = await open(stage, name)
    await kim.publish('@kim/box', '1.0.0')
    await upstream.publish('@kim/absent', '6.6.6')
    await fails(client, ...ADD[client.family], '@kim/absent')
    expect(upstream.requests.filter(({ path }) => path.includes('kim'))).toEqual([])
  },
)

row(
  { number: 67, statement: 'a name published here hides the upstream’s package of that name', clients: ALL },
  async (stage, name) => {
    const { upstream, clock, kim, client } = await open(stage, name)
    await kim.publish('ours', '1.0.0')
    await upstream.publish('ours', '9.0.0')
    clock.turn(days(3))
    await works(client, ...ADD[client.family], 'ours')
    expect(await installed(client, 'ours')).toBe('1.0.0')
    expect(Object.keys((await kim.get('/ours')).json.versions)).toEqual(['1.0.0'])
  },
)

const VOUCHED = {
  _npmUser: { name: 'lee', email: 'lee@example.org' },
  dist: {
    signatures: [{ keyid: 'SHA256:abc', sig: 'MEUCIQ' }],
    attestations: {
      url: 'https://elsewhere.invalid/x',
      provenance: { predicateType: 'https://slsa.dev/provenance/v1' },
    },
  },
}

row(
  { number: 68, statement: 'who published a mirrored version, when and vouched for is kept', clients: NPM },
  async (stage, name) => {
    const { upstream, client } = await open(stage, name)
    const { _npmUser, dist } = VOUCHED
    await upstream.publish('vouched', '1.0.0', {
      manifest: { _npmUser },
      dist,
      time: '2021-02-03T04:05:06.789Z',
    })
    const fields = ['time', '_npmUser', 'dist.signatures', 'dist.attestations']
    const told = JSON.parse(await works(client, 'view', 'vouched@1.0.0', ...fields, '--json'))
    const one = Array.isArray(told) ? told[0] : told
    expect(one).toMatchObject({
      time: { '1.0.0': '2021-02-03T04:05:06.789Z' },
      'dist.signatures': dist.signatures,
      'dist.attestations': { provenance: dist.attestations.provenance },
    })
    expect(JSON.stringify(one._npmUser)).toContain('lee')
  },
)

row(
  {
    number: 69,
    statement: 'a mirrored name is not published under, unless it was set aside',
    clients: [...NPM, ...PNPM],
  },
  async (stage, name) => {
    const { app, kim, client } = await open(stage, name)
    await writePackage(client, { name: 'dep-a', version: '7.0.0' })
    expect(await fails(client, ...publishing(client))).toMatch(/is a package of the upstream/)
    const owner = (await app.registry.accounts.find('kim')) ?? expect.fail('kim has an account')
    await app.registry.packages.claims.claim({ ...owner, kind: 'user', mayPublish: true }, 'dep-a')
    await works(client, ...publishing(client))
    expect(Object.keys((await kim.get('/dep-a')).json.versions)).toEqual(['7.0.0'])
  },
)

row(
  { number: 71, statement: 'a new version of the upstream’s appears when the copy has aged', clients: ALL },
  async (stage, name) => {
    const { upstream, clock, kim, client } = await open(stage, name)
    await works(client, ...ADD[client.family], 'dep-b')
    await upstream.publish('dep-b', '1.2.0')
    clock.turn(minutes(6))
    // The first to ask gets the copy, and has it renewed.
    await expect.poll(async () => (await kim.get('/dep-b')).json['dist-tags'].latest).toBe('1.2.0')
    await anew(client)
    await works(client, ...ADD[client.family], 'dep-b')
    expect(await installed(client, 'dep-b')).toBe('1.2.0')
  },
)
