import { expect, test } from 'vitest'
import { testApp } from '../support/app.ts'
import { type PublishDocument, publishDocument } from '../support/npm-user.ts'
import { onEveryEngine } from '../support/services.ts'

const BOX = '/@kim%2fbox'
const TAGS = '/-/package/@kim%2fbox/dist-tags'

onEveryEngine('the body of an npm publish', (engine) => {
  test.each([
    ['dependencies', { a: 5 }, '"a": its range must be a string, such as "^1.0.0", not 5'],
    ['devDependencies', { a: null }, '"a": its range must be a string'],
    ['peerDependencies', { a: { version: '1' } }, 'not {"version":"1"}'],
    ['optionalDependencies', { '': '1' }, 'a dependency needs a name'],
    ['dependencies', ['a'], 'must be an object'],
  ])('with %s of %j is refused, and what is allowed is told', async (field, map, why) => {
    await using app = await testApp({ engine })
    const kim = await app.user('kim')
    const { status, json } = await kim.publish('@kim/box', '1.0.0', { manifest: { [field]: map } })
    expect([status, json.error]).toEqual([400, expect.stringContaining(why)])
    expect(json.error).toContain(field)
    expect((await kim.get(BOX)).status).toBe(404)
  })

  test('may ask for dependencies in every way that npm knows, and is otherwise kept as it came', async () => {
    await using app = await testApp({ engine })
    const kim = await app.user('kim')
    const dependencies = {
      ...{ range: '^1 || 2.x', tag: 'next', any: '', star: '*', alias: 'npm:other@1', file: 'file:../x' },
      ...{ git: 'git+https://example.org/x.git#main', short: 'kim/x', url: 'https://example.org/x.tgz' },
    }
    const odd = { scripts: 'evil', bin: 5, author: 5, description: { a: 1 }, keywords: 7, license: [1] }
    const manifest = { ...odd, homepage: 5, repository: 5, bugs: 5, engines: 5, dependencies }
    expect((await kim.publish('@kim/box', '1.0.0', { manifest })).status).toBe(201)
    const short = { accept: 'application/vnd.npm.install-v1+json' }
    expect((await kim.get(`${BOX}/1.0.0`)).json).toMatchObject(manifest)
    expect((await kim.get(BOX, short)).json.versions['1.0.0'].dependencies).toEqual(dependencies)
    const readers = ['/-/v1/search?text=box', '/v1/packages/package/kim/box', '/v1/packages/search?q=box']
    const pages = ['', '/versions', '/v/1.0.0', '/dependencies'].map((more) => `/www/package/@kim/box${more}`)
    for (const path of [...readers, ...pages, '/www/search?q=box', '/'])
      expect([path, (await kim.get(path, { accept: 'text/html, */*' })).status]).toEqual([path, 200])
  })

  test.each([
    [{ latest: '7.0.0' }, '"7.0.0"'],
    [{ latest: '2.0.0', old: '1.0.0' }, '"old"'],
    [{ latest: null }, '"latest"'],
    ['latest', '"dist-tags" must be an object'],
  ])('whose tags are %j, not on what is published, is refused', async (tags, why) => {
    await using app = await testApp({ engine })
    const kim = await app.user('kim')
    await kim.publish('@kim/box', '1.0.0')
    const spoil = (document: PublishDocument) => Object.assign(document, { 'dist-tags': tags })
    const { status, json } = await kim.publish('@kim/box', '2.0.0', { spoil })
    expect([status, json.error]).toEqual([400, expect.stringContaining(why)])
    expect((await kim.get(TAGS)).json).toEqual({ latest: '1.0.0' })
    expect((await kim.get(`${BOX}/2.0.0`)).status).toBe(404)
  })

  test('that is repeated puts the tags it names on its version, and takes none from a higher one', async () => {
    await using app = await testApp({ engine })
    const kim = await app.user('kim')
    const document = await publishDocument('@kim/box', '1.0.0')
    const put = (tags: object) => kim.send('PUT', BOX, { body: { ...document, 'dist-tags': tags } })
    expect((await put({ latest: '1.0.0' })).status).toBe(201)
    expect((await put({ constructor: '1.0.0' })).status).toBe(201)
    expect((await kim.get(TAGS)).json).toEqual({ latest: '1.0.0', constructor: '1.0.0' })
    await kim.publish('@kim/box', '1.1.0')
    await kim.publish('@kim/box', '0.9.0', { tag: 'lts' })
    expect((await put({ latest: '1.0.0', lts: '1.0.0' })).status).toBe(201)
    expect((await kim.get(TAGS)).json).toEqual({ latest: '1.1.0', lts: '1.0.0', constructor: '1.0.0' })
    const { _rev } = (await kim.get(BOX)).json
    expect((await put({ latest: '1.0.0', lts: '1.0.0' })).status).toBe(201)
    expect((await kim.get(BOX)).json._rev).toBe(_rev)
  })

  test('is one moment, however long it takes: no package is younger than its version', async () => {
    let now = Date.parse('2026-01-01T00:00:00Z')
    await using app = await testApp({ engine, clock: { now: () => now++ } })
    const kim = await app.user('kim')
    await kim.publish('@kim/box', '1.0.0')
    const { time } = (await kim.get(BOX)).json
    expect(time.created).toBe(time['1.0.0'])
    const { objects } = (await kim.get('/v1/changes')).json
    const [create, publish] = objects.slice(-2)
    expect([create.kind, publish.kind]).toEqual(['create', 'publish'])
    expect(publish.at).toBe(create.at)
    await kim.publish('@kim/box', '1.1.0', { spoil: (it) => Object.assign(it, { access: 'restricted' }) })
    const later = (await kim.get('/v1/changes')).json.objects.slice(-2)
    expect(later[0].at).toBe(later[1].at)
  })
})
