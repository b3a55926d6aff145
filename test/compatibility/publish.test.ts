import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import type { Client, ClientName } from '../clients/client.ts'
import { noise } from '../support/mirror.ts'
import type { PublishDocument } from '../support/npm-user.ts'
import { packageTarball, sha1, sha512 } from '../support/tarball.ts'
import { Visitor } from '../support/visitor.ts'
import { ALL, NPM, PNPM, row } from './rows.ts'
import { fails, publishing, type RegistryChoice, type Stage, works, writePackage } from './stage.ts'

const BOX = { name: '@kim/box', version: '1.0.0' }
const OVER = 'cannot publish over the previously published versions'

/** A registry, and kim with a client that is logged in there. */
async function open(stage: Stage, name: ClientName, options: RegistryChoice = {}) {
  const opened = await stage.registry(options)
  return { ...opened, client: await stage.client(name, opened.wire, { token: opened.kim.token }) }
}

async function publish(client: Client, manifest: typeof BOX, ...more: readonly string[]): Promise<string> {
  await writePackage(client, manifest)
  return works(client, ...publishing(client), ...more)
}

row(
  { number: 28, statement: 'a first publish makes the package, and its version the latest', clients: ALL },
  async (stage, name) => {
    const { kim, client } = await open(stage, name)
    for (const called of ['@kim/box', 'plain']) {
      await publish(client, { name: called, version: '1.0.0' })
      const { json } = await kim.get(`/${called.replace('/', '%2f')}`)
      expect(json['dist-tags']).toEqual({ latest: '1.0.0' })
    }
  },
)

row(
  { number: 29, statement: 'the tarball’s address is ours, whatever the client made of it', clients: ALL },
  async (stage, name) => {
    const { wire, kim, client } = await open(stage, name)
    let said = ''
    wire.tamper(({ versions }) => {
      said = versions['1.0.0'].dist.tarball
    })
    await publish(client, BOX)
    expect(said).toMatch(/^http:.*box-1\.0\.0\.tgz$/)
    const { json } = await kim.get('/@kim%2fbox')
    expect(json.versions['1.0.0'].dist.tarball).toBe(`${kim.url}/@kim/box/-/box-1.0.0.tgz`)
  },
)

row({ number: 30, statement: 'a version is never published over', clients: ALL }, async (stage, name) => {
  const { kim, client } = await open(stage, name)
  await publish(client, BOX)
  const before = (await kim.get('/@kim%2fbox')).json
  await client.write('index.js', '// other\n')
  const output = await fails(client, ...publishing(client))
  if (name !== 'berry') expect(output).toContain(OVER)
  const refused = await kim.publish('@kim/box', '1.0.0')
  expect([refused.status, refused.json.error]).toEqual([403, expect.stringContaining(OVER)])
  expect((await kim.get('/@kim%2fbox')).json).toEqual(before)
})

row(
  { number: 31, statement: 'who was told 503 and sends the same again succeeds', clients: [...NPM, 'berry'] },
  async (stage, name) => {
    const { wire, kim, client } = await open(stage, name)
    await client.write('.npmrc', 'fetch-retry-mintimeout=1\n')
    let puts = 0
    wire.replace = ({ method }, reply) => {
      if (method !== 'PUT' || puts++ > 0) return false
      reply.writeHead(503).end()
      return true
    }
    await publish(client, BOX)
    expect(puts).toBe(2)
    expect(Object.keys((await kim.get('/@kim%2fbox')).json.versions)).toEqual(['1.0.0'])
  },
)

const attachment = (document: PublishDocument) =>
  Object.values<{ data: string; length: number }>(document._attachments)[0] ?? expect.fail('it has a tarball')

/** Puts another package into the document, with the right digests for it. */
async function smuggle(document: PublishDocument, manifest: object): Promise<void> {
  const tarball = await packageTarball(manifest)
  Object.assign(attachment(document), { data: tarball.toString('base64'), length: tarball.length })
  Object.assign(document.versions['1.0.0'].dist, { integrity: sha512(tarball), shasum: sha1(tarball) })
}

const LIES: readonly ((document: PublishDocument) => unknown)[] = [
  ({ versions }) => Object.assign(versions['1.0.0'].dist, { shasum: sha1('other') }),
  ({ versions }) => Object.assign(versions['1.0.0'].dist, { integrity: sha512('other') }),
  (document) => Object.assign(attachment(document), { length: 1 }),
  (document) => smuggle(document, { ...BOX, name: '@kim/other' }),
  (document) => smuggle(document, { ...BOX, version: '2.0.0' }),
]

row(
  { number: 32, statement: 'what contradicts itself is refused whole', clients: ALL },
  async (stage, name) => {
    const { wire, kim, client } = await open(stage, name)
    await writePackage(client, BOX)
    for (const lie of LIES) {
      wire.heard.length = 0
      wire.tamper(lie)
      await fails(client, ...publishing(client))
      const puts = wire.heard.filter(({ method }) => method === 'PUT')
      expect(puts.map(({ status }) => status)).toEqual([400])
      expect((await kim.get('/@kim%2fbox')).status).toBe(404)
    }
  },
)

row(
  {
    number: 33,
    statement: 'another tag leaves the latest version, where there is one',
    clients: [...NPM, ...PNPM, 'berry', 'bun'],
  },
  async (stage, name) => {
    const { kim, client } = await open(stage, name)
    const tags = async () => (await kim.get('/@kim%2fbox')).json['dist-tags']
    await publish(client, BOX, '--tag', 'next')
    expect(await tags()).toEqual({ next: '1.0.0', latest: '1.0.0' })
    await publish(client, { ...BOX, version: '1.1.0' }, '--tag', 'next')
    expect(await tags()).toEqual({ next: '1.1.0', latest: '1.0.0' })
  },
)

row(
  {
    number: 34,
    statement: 'npm finds out by itself that a package is new, and that a higher version is the latest',
    // npm 10 does not ask before it publishes.
    clients: ['npm', 'npm@12'],
  },
  async (stage, name) => {
    const { wire, kim, client } = await open(stage, name)
    await publish(client, { ...BOX, version: '2.0.0' })
    expect(wire.heard[0]).toMatchObject({ method: 'GET', status: 404 })
    await writePackage(client, BOX)
    expect(await fails(client, 'publish')).toMatch(/Cannot implicitly apply the "latest" tag/)
    expect(Object.keys((await kim.get('/@kim%2fbox')).json.versions)).toEqual(['2.0.0'])
  },
)

row({ number: 35, statement: 'a dry run changes nothing', clients: NPM }, async (stage, name) => {
  const { wire, kim, client } = await open(stage, name)
  await publish(client, BOX, '--dry-run')
  expect(wire.lines(/^(?!GET )/)).toEqual([])
  expect((await kim.get('/@kim%2fbox')).status).toBe(404)
})

row(
  {
    number: 36,
    statement: 'the README is seen by clients and on the page',
    clients: [...NPM, ...PNPM, 'yarn', 'berry'],
  },
  async (stage, name) => {
    const { app, kim, client } = await open(stage, name)
    await publish(client, { name: 'silent', version: '1.0.0' })
    // Berry sends a heading where there is no README.
    expect((await kim.get('/silent')).json.readme ?? '').toBe(name === 'berry' ? '# silent\n' : '')
    await client.write('README.md', '# A box for everything\n')
    await publish(client, { name: 'telling', version: '1.0.0' })
    const words = {
      npm: ['view', 'telling', 'readme'],
      pnpm: ['view', 'telling', 'readme'],
      yarn: ['info', 'telling', 'readme'],
      berry: ['npm', 'info', 'telling', '--fields', 'readme'],
      bun: [],
    }
    // The later pnpm looks for it in the version alone, where no registry has it.
    if (name !== 'pnpm' && name !== 'pnpm@12')
      expect(await works(client, ...words[client.family])).toContain('A box for everything')
    expect((await kim.get('/telling')).json.readme).toContain('A box for everything')
    const page = await new Visitor(app.url).get('/telling')
    expect(page.text).toContain('A box for everything</h2>')
  },
)

const MB = 2 ** 20

row(
  {
    number: 37,
    statement: 'a large package is taken up to the limit, and refused plainly above it',
    clients: ALL,
  },
  async (stage, name) => {
    const { wire, kim, client } = await open(stage, name)
    await writeFile(join(client.project, 'noise'), noise(100 * MB))
    await publish(client, { name: 'large', version: '1.0.0' })
    expect((await kim.get('/large')).json.versions['1.0.0'].dist.unpackedSize).toBeGreaterThan(100 * MB)
    const low = await open(stage, name, { limits: { tarball: MB } })
    await writeFile(join(low.client.project, 'noise'), noise(2 * MB))
    await writePackage(low.client, { name: 'large', version: '1.0.0' })
    const output = await fails(low.client, ...publishing(low.client))
    expect(low.wire.heard.at(-1)?.status).toBe(413)
    expect(output).toMatch(name === 'berry' ? /413/ : /larger than the limit of/)
    expect(wire.heard.map(({ status }) => status)).not.toContain(413)
  },
)
