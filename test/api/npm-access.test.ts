import { expect, test } from 'vitest'
import { objectPath } from '../entropic/form.ts'
import { type TestApp, testApp } from '../support/app.ts'
import { cookieHeader, loggedIn } from '../support/browser.ts'
import { join } from '../support/join.ts'
import { type NpmUser, type PublishDocument, publishDocument } from '../support/npm-user.ts'
import { onEveryStorage } from '../support/services.ts'
import { sha512 } from '../support/tarball.ts'
import { acme, grant, revoke, team } from '../support/teams.ts'

const restricted = (document: PublishDocument) => {
  document.access = 'restricted'
}

onEveryStorage('restricted packages', (engine) => {
  test('are read by their maintainers alone, whatever the path', async () => {
    await using app = await testApp({ engine })
    const [kim, lee] = [await app.user('kim'), await app.user('lee')]
    await kim.publish('@kim/box', '1.0.0', { spoil: restricted, manifest: { keywords: ['secret'] } })
    const paths = await everyPathTo(app, kim)
    for (const path of paths) {
      expect([path, (await kim.get(path)).status]).toEqual([path, 200])
      expect((await kim.get(path)).headers.get('cache-control')).not.toContain('public')
      for (const stranger of [lee, app.anonymous()])
        expect([path, (await stranger.get(path)).status]).toEqual([path, 404])
    }
    const { headers } = await app.anonymous().get('/@kim/box', { accept: 'text/html' })
    const page = new URL(headers.get('location') ?? '', app.url).pathname
    expect((await app.anonymous().get(page)).status).toBe(404)
  })

  test('are in no list of those who may not read them', async () => {
    await using app = await testApp({ engine })
    const [kim, lee] = [await app.user('kim'), await app.user('lee')]
    await kim.publish('@kim/box', '1.0.0', { spoil: restricted })
    const lists = [
      '/-/v1/search?text=box',
      '/v1/packages/search?q=box',
      '/v1/packages',
      '/v1/changes',
      '/-/org/kim/package',
      '/www/search?q=box',
    ]
    for (const path of lists) {
      expect([path, (await kim.get(path)).bytes.toString()]).toEqual([path, expect.stringContaining('box')])
      const seen = (await lee.get(path)).bytes.toString().replaceAll('q=box', '').replaceAll('“box”', '')
      expect([path, /kim(?:@[^"/]+)?(?:\/|%2f)box/i.test(seen)]).toEqual([path, false])
    }
  })

  test('stay as private by their digests when they are unpublished, and are so while they wait for approval', async () => {
    await using app = await testApp({ engine })
    const [kim, lee] = [await app.user('kim'), await app.user('lee')]
    await kim.publish('@kim/box', '1.0.0', { spoil: restricted })
    await kim.publish('@kim/box', '2.0.0')
    const objects = (await everyPathTo(app, kim)).filter((path) => path.startsWith('/v1/objects/'))
    const seen = async () => {
      const readers = [app.anonymous(), lee, kim]
      const answers = await Promise.all(
        objects.map((path) => Promise.all(readers.map(async (it) => (await it.get(path)).status))),
      )
      return new Set(answers.map(String))
    }
    expect(objects.length).toBeGreaterThan(3)
    expect(await seen()).toEqual(new Set(['404,404,200']))
    const { json: document } = await kim.get('/@kim%2fbox')
    const body = { ...document, versions: { '2.0.0': document.versions['2.0.0'] } }
    expect((await kim.send('PUT', `/@kim%2fbox/-rev/${document._rev}`, { body })).status).toBe(201)
    expect(await seen()).toEqual(new Set(['404,404,200']))
    const { _rev } = (await kim.get('/@kim%2fbox')).json
    expect((await kim.send('DELETE', `/@kim%2fbox/-rev/${_rev}`)).status).toBe(200)
    expect(await seen()).toEqual(new Set(['404,404,200']))

    const waiting = await publishDocument('@kim/new', '1.0.0', { spoil: restricted })
    expect((await kim.send('POST', '/-/stage/package/@kim%2fnew', { body: waiting })).status).toBe(201)
    const { integrity } = waiting.versions['1.0.0'].dist
    for (const reader of [app.anonymous(), lee])
      expect((await reader.get(`/v1/objects/object/${integrity.replace('-', '/')}`)).status).toBe(404)
  })

  test('do not hide a file that a public package holds as well', async () => {
    await using app = await testApp({ engine })
    const [kim, lee] = [await app.user('kim'), await app.user('lee')]
    const [shared, secret] = ['for everybody', 'for nobody else']
    await kim.publish('@kim/box', '1.0.0', {
      spoil: restricted,
      files: { 'LICENSE.txt': shared, 'secret.txt': secret },
    })
    const status = async (reader: NpmUser, text: string) =>
      (await reader.get(objectPath(sha512(text)))).status
    expect([await status(lee, shared), await status(lee, secret)]).toEqual([404, 404])
    await kim.publish('open', '1.0.0', { files: { 'LICENSE.txt': shared } })
    expect([await status(lee, shared), await status(lee, secret)]).toEqual([200, 404])
    expect(await status(kim, secret)).toBe(200)
  })

  test('keep their files that an older release stored without a word whose they are', async () => {
    await using app = await testApp({ engine, inside: true })
    const [kim, lee] = [await app.user('kim'), await app.user('lee')]
    await kim.publish('@kim/box', '1.0.0', { spoil: restricted, files: { 'old.txt': 'of old' } })
    await app.storage.sql.transaction((tx) => tx.deleteFrom('package_content').execute())
    const status = async () => (await lee.get(objectPath(sha512('of old')))).status
    expect(await status()).toBe(200)
    await app.registry.upkeep.collectGarbage()
    expect(await status()).toBe(404)
  })

  test('answer strangers as if they did not exist', async () => {
    await using app = await testApp({ engine })
    const [kim, lee] = [await app.user('kim'), await app.user('lee')]
    await kim.publish('@kim/box', '1.0.0', { spoil: restricted })
    const asked = async (name: string) => [
      (await lee.get(`/@kim%2f${name}`)).json,
      (await lee.publish(`@kim/${name}`, '1.0.0')).json,
      (await lee.send('POST', `/-/package/@kim%2f${name}/access`, { body: { access: 'public' } })).json,
    ]
    const rename = (answers: object) => JSON.stringify(answers).replaceAll('absent', 'box')
    expect(rename(await asked('absent'))).toBe(rename(await asked('box')))
  })

  test('are opened and closed by POST …/access and by publishing', async () => {
    await using app = await testApp({ engine })
    const kim = await app.user('kim')
    await kim.publish('@kim/box', '1.0.0')
    const status = async () => (await app.anonymous().get('/@kim%2fbox')).status
    const set = (access: string) => kim.send('POST', '/-/package/@kim%2fbox/access', { body: { access } })
    expect(await status()).toBe(200)
    await set('restricted')
    expect(await status()).toBe(404)
    expect((await kim.get('/-/package/@kim%2fbox/visibility')).json).toEqual({ public: false })
    await kim.publish('@kim/box', '1.1.0')
    expect(await status()).toBe(404)
    await set('public')
    expect(await status()).toBe(200)
    await kim.publish('@kim/box', '1.2.0', { spoil: restricted })
    expect(await status()).toBe(404)
    const plain = await kim.publish('plain', '1.0.0', { spoil: restricted })
    expect([plain.status, plain.json.error]).toEqual([400, expect.stringContaining('unscoped')])
  })

  test('are read by whoever becomes an owner, or a member of a namespace that maintains them', async () => {
    await using app = await testApp({ engine })
    const [kim, lee, ann] = [await app.user('kim'), await app.user('lee'), await app.user('ann')]
    await kim.publish('@kim/box', '1.0.0', { spoil: restricted })
    await kim.send('PUT', '/-/package/@kim%2fbox/owners', { body: { user: 'lee' } })
    await join(app, 'kim', [kim, ann])
    for (const reader of [lee, ann]) expect((await reader.get('/@kim%2fbox')).status).toBe(200)
  })

  for (const permissions of ['read-only', 'read-write'] as const)
    test(`are read by members of a team with a ${permissions} grant, whatever the path, and by them alone`, async () => {
      await using app = await testApp({ engine })
      const { kim, lee, ann, bob } = await acme(app)
      await kim.publish('@kim/box', '1.0.0', { spoil: restricted })
      const paths = [...(await everyPathTo(app, kim)), ...pages]
      expect((await grant(kim, 'acme:ops', { permissions })).status).toBe(200)
      const seen = async (reader: NpmUser, path: string) => {
        const { status, headers } = await readAs(app, reader, path)
        expect([path, headers.get('cache-control')]).not.toEqual([path, expect.stringContaining('public')])
        return [path, status]
      }
      for (const path of paths) {
        expect(await seen(lee, path)).toEqual([path, 200])
        for (const stranger of [ann, bob, app.anonymous()])
          expect(await seen(stranger, path)).toEqual([path, 404])
      }
      await team(kim, 'rm', 'ops', 'lee')
      for (const path of paths) expect(await seen(lee, path)).toEqual([path, 404])
    })

  test('are in every list that a member of a team with a grant sees, and in nobody else’s', async () => {
    await using app = await testApp({ engine })
    const { kim, lee, ann, bob } = await acme(app)
    await kim.publish('@kim/box', '1.0.0', { spoil: restricted })
    await kim.publish('needed', '1.0.0')
    await kim.publish('@kim/box', '1.1.0', { manifest: { dependencies: { needed: '1' } } })
    await kim.send('PUT', '/-/user/v1/star', { body: { package: '@kim/box' } })
    await grant(kim, 'acme:ops', { permissions: 'read-only' })
    const lists = [
      '/-/v1/search?text=box',
      '/v1/packages/search?q=box',
      '/v1/packages',
      '/v1/changes',
      '/v1/packages/package/legacy/needed/dependents',
      '/v1/namespaces/namespace/kim/maintainerships',
      '/-/org/kim/package',
      '/-/_view/starredByUser?key=%22kim%22',
      '/-/team/acme/ops/package',
      '/www/search?q=box',
      '/www/namespace/kim',
      '/www/user/kim',
      '/www/package/needed/dependencies',
      '/',
    ]
    const isIn = async (reader: NpmUser, path: string) => {
      const { status, bytes } = await readAs(app, reader, path)
      expect([200, 403]).toContain(status)
      return [path, /kim(?:@[^"/]+)?(?:\/|%2f)box/i.test(bytes.toString())]
    }
    for (const path of lists) {
      expect(await isIn(lee, path)).toEqual([path, true])
      for (const stranger of [ann, bob]) expect(await isIn(stranger, path)).toEqual([path, false])
    }
    await revoke(kim, 'acme:ops')
    for (const path of lists) expect(await isIn(lee, path)).toEqual([path, false])
  })
})

/** The same as a program or, where it is a page, in a browser where the reader is logged in. */
async function readAs(app: TestApp, reader: NpmUser, path: string) {
  if (path !== '/' && !path.startsWith('/www/')) return reader.get(path)
  const isKnown = reader.token !== undefined
  const cookie = isKnown ? cookieHeader(await loggedIn(app, reader.name)) : ''
  return app.anonymous().get(path, { accept: 'text/html', cookie })
}

const pages = [
  '/www/package/@kim/box',
  '/www/package/@kim/box/versions',
  '/www/package/@kim/box/v/1.0.0',
  '/www/package/@kim/box/v/1.0.0/files',
  '/www/package/@kim/box/v/1.0.0/raw/index.js',
]

/** Every way to the package @kim/box. */
async function everyPathTo(app: TestApp, kim: NpmUser): Promise<string[]> {
  const spec = `/v1/packages/package/kim@${app.host}/box`
  const { versions } = (await kim.get(spec)).json
  const { dist } = (await kim.get('/@kim%2fbox/1.0.0')).json
  const { files } = (await kim.get(`${spec}/versions/1.0.0`)).json
  const digests: string[] = [dist.integrity, versions['1.0.0'], ...Object.values<string>(files)]
  return [
    '/@kim%2fbox',
    '/@kim%2fbox/latest',
    '/@kim/box/-/box-1.0.0.tgz',
    '/-/package/@kim%2fbox/dist-tags',
    '/-/package/@kim%2fbox/visibility',
    '/-/package/@kim%2fbox/collaborators',
    spec,
    `${spec}/versions/1.0.0`,
    `${spec}/versions/1.0.0/files`,
    `${spec}/dist-tags`,
    `${spec}/maintainers`,
    '/downloads/point/last-day/@kim/box',
    ...digests.map(objectPath),
  ]
}

test('npm and pnpm each get teams and collaborators in their own shape', async () => {
  await using app = await testApp()
  const [kim, lee] = [await app.user('kim'), await app.user('lee')]
  await kim.publish('@kim/box', '1.0.0')
  await join(app, 'kim', [kim, lee])
  const get = async (path: string) => (await kim.get(path)).json
  expect(await get('/-/org/kim/team?format=cli')).toEqual(['kim:developers'])
  expect(await get('/-/org/kim/team')).toEqual([{ name: 'developers' }])
  expect(await get('/-/team/kim/developers/user?format=cli')).toEqual(['kim', 'lee'])
  expect(await get('/-/org/kim/user')).toEqual({ kim: 'owner', lee: 'developer' })
  expect(await get('/-/package/@kim%2fbox/collaborators')).toEqual({ kim: 'write', lee: 'write' })
  expect(await get('/-/package/@kim%2fbox/collaborators?format=cli')).toHaveLength(2)
  expect(await get('/-/-/package?format=cli')).toEqual({ '@kim/box': 'write' })
})
