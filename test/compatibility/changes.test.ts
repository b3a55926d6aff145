import { expect } from 'vitest'
import type { Client, ClientName } from '../clients/client.ts'
import type { NpmUser } from '../support/npm-user.ts'
import { ALL, NPM, PNPM, row } from './rows.ts'
import { fails, publishing, type Stage, works, writePackage } from './stage.ts'

const BOX = '/@kim%2fbox'

/** @kim/box in these versions, and kim with a client that is logged in. */
async function open(
  stage: Stage,
  name: ClientName,
  versions: readonly string[] = ['1.0.0', '1.1.0', '2.0.0'],
) {
  const opened = await stage.registry()
  for (const version of versions) await opened.kim.publish('@kim/box', version)
  return { ...opened, client: await stage.client(name, opened.wire, { token: opened.kim.token }) }
}

const versionsOf = async (kim: NpmUser) => Object.keys((await kim.get(BOX)).json.versions)

row(
  {
    number: 38,
    statement: 'a deprecation marks just its range, and can be taken back',
    clients: [...NPM, ...PNPM],
  },
  async (stage, name) => {
    const { kim, client } = await open(stage, name)
    await works(client, 'deprecate', '@kim/box@<2', 'too old')
    const { versions } = (await kim.get(BOX)).json
    const marks = ['1.0.0', '1.1.0', '2.0.0'].map((version) => versions[version].deprecated)
    expect(marks).toEqual(['too old', 'too old', undefined])
    expect(await works(client, 'view', '@kim/box@1.0.0', 'deprecated')).toContain('too old')
    await works(
      client,
      ...(client.family === 'pnpm' && name !== 'pnpm@10'
        ? ['undeprecate', '@kim/box@<2']
        : ['deprecate', '@kim/box@<2', '']),
    )
    expect((await kim.get(BOX)).json.versions['1.0.0']).not.toHaveProperty('deprecated')
  },
)

row(
  { number: 39, statement: 'a deprecation changes nothing else, whatever comes with it', clients: NPM },
  async (stage, name) => {
    const { wire, kim, client } = await open(stage, name)
    const before = (await kim.get(BOX)).json.versions
    wire.tamper(({ versions }) => {
      versions['1.0.0'].dist.integrity = 'sha512-AAAA'
      versions['1.0.0'].dependencies = { evil: '*' }
      delete versions['1.1.0']
    })
    await client.run('deprecate', '@kim/box@2', 'odd')
    const after = (await kim.get(BOX)).json.versions
    delete after['2.0.0'].deprecated
    expect(after).toEqual(before)
  },
)

const TAGS = {
  npm: { add: ['dist-tag', 'add'], list: ['dist-tag', 'ls'], remove: ['dist-tag', 'rm'] },
  pnpm: { add: ['dist-tag', 'add'], list: ['dist-tag', 'ls'], remove: ['dist-tag', 'rm'] },
  yarn: { add: ['tag', 'add'], list: ['tag', 'list'], remove: ['tag', 'remove'] },
  berry: { add: ['npm', 'tag', 'add'], list: ['npm', 'tag', 'list'], remove: ['npm', 'tag', 'remove'] },
} as const

row(
  {
    number: 40,
    statement: 'tags are added, listed and removed; the latest stays',
    clients: [...NPM, ...PNPM, 'yarn', 'berry'],
  },
  async (stage, name) => {
    const { kim, client } = await open(stage, name)
    const { add, list, remove } = TAGS[client.family === 'bun' ? 'npm' : client.family]
    const tags = async () => (await kim.get(`/-/package${BOX}/dist-tags`)).json
    await works(client, ...add, '@kim/box@1.0.0', 'old')
    expect(await tags()).toEqual({ latest: '2.0.0', old: '1.0.0' })
    expect(await works(client, ...list, '@kim/box')).toMatch(/old.*1\.0\.0/)
    await works(client, ...remove, '@kim/box', 'old')
    await client.run(...remove, '@kim/box', 'latest')
    await fails(client, ...add, '@kim/box@9.9.9', 'far')
    expect(await tags()).toEqual({ latest: '2.0.0' })
  },
)

row({ number: 41, statement: 'a tag of this very second is listed', clients: NPM }, async (stage, name) => {
  const { client } = await open(stage, name)
  expect(await works(client, 'dist-tag', 'ls', '@kim/box')).toBe('latest: 2.0.0\n')
  await works(client, 'dist-tag', 'add', '@kim/box@1.0.0', 'old')
  expect(await works(client, 'dist-tag', 'ls', '@kim/box')).toBe('latest: 2.0.0\nold: 1.0.0\n')
})

row(
  {
    number: 42,
    statement: 'an unpublished version is gone, and the others stay',
    clients: [...NPM, ...PNPM],
  },
  async (stage, name) => {
    const { kim, client } = await open(stage, name)
    await works(client, 'unpublish', '@kim/box@2.0.0')
    expect(await versionsOf(kim)).toEqual(['1.0.0', '1.1.0'])
    expect((await kim.get(BOX)).json['dist-tags']).toEqual({ latest: '1.1.0' })
    expect((await kim.get('/@kim/box/-/box-2.0.0.tgz')).status).toBe(404)
    expect((await kim.get('/@kim/box/-/box-1.1.0.tgz')).status).toBe(200)
  },
)

row(
  {
    number: 43,
    statement: 'an unpublished package is gone, and its versions stay taken',
    clients: [...NPM, ...PNPM],
  },
  async (stage, name) => {
    const { kim, client } = await open(stage, name)
    await works(client, 'unpublish', '@kim/box', '--force')
    expect((await kim.get(BOX)).status).toBe(404)
    await writePackage(client, { name: '@kim/box', version: '1.0.0' })
    expect(await fails(client, ...publishing(client))).toContain('403')
    expect((await kim.get(BOX)).status).toBe(404)
  },
)

row(
  {
    number: 44,
    statement: 'a version is unpublished although npm deletes its tarball elsewhere',
    clients: NPM,
  },
  async (stage, name) => {
    const { wire, kim } = await stage.registry({ wire: { under: '/npm/private' } })
    for (const version of ['1.0.0', '1.1.0']) await kim.publish('@kim/box', version)
    const client = await stage.client(name, wire, { token: kim.token })
    await client.write('.npmrc', `registry=${new URL(wire.url).origin}/\n@kim:registry=${wire.url}/\n`)
    await works(client, 'unpublish', '@kim/box@1.0.0')
    expect(wire.lines(/^DELETE /)[0]).toContain('/npm/private/npm/private/')
    expect(await versionsOf(kim)).toEqual(['1.1.0'])
    expect((await kim.get('/@kim/box/-/box-1.0.0.tgz')).status).toBe(404)
  },
)

row(
  { number: 45, statement: 'of two changes that start from the same revision one is refused', clients: NPM },
  async (stage, name) => {
    const { wire, app, kim, client } = await open(stage, name)
    await app.user('lee')
    wire.tamper(() => kim.publish('@kim/box', '3.0.0'))
    expect(await fails(client, 'unpublish', '@kim/box@1.0.0')).toMatch(/409.*changed meanwhile/)
    expect(await versionsOf(kim)).toEqual(['1.0.0', '1.1.0', '2.0.0', '3.0.0'])
    wire.tamper(() => kim.publish('@kim/box', '4.0.0'))
    expect(await fails(client, 'owner', 'add', 'lee', '@kim/box')).toMatch(/409.*changed meanwhile/)
    expect((await kim.get(BOX)).json.maintainers).toHaveLength(1)
  },
)

row(
  { number: 46, statement: 'owners are added, listed and removed; the last stays', clients: NPM },
  async (stage, name) => {
    const { app, kim, client } = await open(stage, name)
    const lee = await app.user('lee')
    await works(client, 'owner', 'add', 'lee', '@kim/box')
    expect(await works(client, 'owner', 'ls', '@kim/box')).toMatch(/kim.*lee/s)
    expect((await lee.publish('@kim/box', '3.0.0')).status).toBe(201)
    expect(await fails(client, 'owner', 'add', 'nobody', '@kim/box')).toContain('404')
    await works(client, 'owner', 'rm', 'lee', '@kim/box')
    await fails(client, 'owner', 'rm', 'kim', '@kim/box')
    expect((await kim.get(BOX)).json.maintainers).toMatchObject([{ name: 'kim' }])
  },
)

row(
  { number: 47, statement: 'an owner added without the others throws nobody out', clients: ['yarn'] },
  async (stage, name) => {
    const { app, wire, kim, client } = await open(stage, name, [])
    await kim.publish('box', '1.0.0') // it takes no scoped name there
    await app.user('lee')
    await client.run('owner', 'add', 'lee', 'box')
    const put = wire.heard.find(({ method }) => method === 'PUT')
    expect(put).toMatchObject({ path: '/box/-rev/undefined', status: 409 })
    expect((await kim.get('/box')).json.maintainers).toMatchObject([{ name: 'kim' }])
  },
)

row(
  { number: 48, statement: 'a star leaves everything else as it was', clients: ['npm@10', 'npm'] },
  async (stage, name) => {
    const { kim, client } = await open(stage, name)
    const before = (await kim.get(BOX)).json
    await works(client, 'star', '@kim/box')
    const { versions, 'dist-tags': tags, readme, maintainers } = (await kim.get(BOX)).json
    expect({ versions, 'dist-tags': tags, readme, maintainers }).toEqual({
      versions: before.versions,
      'dist-tags': before['dist-tags'],
      readme: before.readme,
      maintainers: before.maintainers,
    })
  },
)

async function publishFails(client: Client, why: RegExp): Promise<void> {
  await writePackage(client, { name: '@kim/box', version: '3.0.0' })
  // Yarn 4 shows the status alone.
  expect(await fails(client, ...publishing(client))).toMatch(client.family === 'berry' ? /403/ : why)
}

row(
  { number: 49, statement: 'a token that may only read does not publish', clients: ALL },
  async (stage, name) => {
    const { app, wire, kim } = await open(stage, name)
    const { secret } = await app.registry.tokens.issue({
      accountName: 'kim',
      description: 'reads',
      access: 'read',
    })
    const client = await stage.client(name, wire, { token: secret })
    await publishFails(client, /token may only read/)
    expect(wire.heard.filter(({ method }) => method === 'PUT').map(({ status }) => status)).toEqual([403])
    expect(wire.heard.filter(({ method }) => method === 'GET').every(({ status }) => status < 400)).toBe(true)
    expect(await versionsOf(kim)).not.toContain('3.0.0')
  },
)

row(
  { number: 50, statement: 'who has no right on the scope is told which is missing', clients: ALL },
  async (stage, name) => {
    const { app, wire, kim } = await open(stage, name)
    const lee = await app.user('lee')
    const client = await stage.client(name, wire, { token: lee.token })
    await publishFails(client, /You are not a (?:maintainer|member) of/)
    expect(await versionsOf(kim)).not.toContain('3.0.0')
  },
)
