import { deflateSync, gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { objectPath, publishBytes, publishForm } from '../entropic/form.ts'
import { tinyNpm } from '../entropic/tiny-npm.ts'
import { testApp } from '../support/app.ts'
import type { NpmUser } from '../support/npm-user.ts'
import { sha512 } from '../support/tarball.ts'

const BOX = '/v1/packages/package/kim/box'

async function publish(user: NpmUser, path: string, version: string, fields: Record<string, object> = {}) {
  await user.send('PUT', path, { body: {} })
  const reply = await user.send('PUT', `${path}/versions/${version}`, {
    body: publishForm({ 'index.js': `exports.v = '${version}'\n`, 'README.md': '# Box\n' }, fields),
  })
  expect(reply.status).toBe(201)
  return reply.json
}

test('a version published file by file is read back: its document, its manifest, its files', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  const version = await publish(kim, BOX, '1.0.0', { dependencies: { lodash: '^4.0.0' } })
  expect(version.dependencies).toEqual({ [`legacy@${app.host}/lodash`]: '^4.0.0' })
  const box = (await kim.get(BOX)).json
  expect(box).toMatchObject({ name: `kim@${app.host}/box`, yanked: false, tags: { latest: '1.0.0' } })
  const manifest = await kim.get(objectPath(box.versions['1.0.0']))
  expect(sha512(manifest.bytes)).toBe(box.versions['1.0.0'])
  expect(JSON.parse(manifest.bytes.toString()).files).toEqual(version.files)
  const file = await kim.get(objectPath(version.files['./package/index.js']))
  expect(file.bytes.toString()).toBe("exports.v = '1.0.0'\n")
  const html = await kim.get(objectPath(version.derivedFiles['./readme.html']))
  expect(html.bytes.toString()).toContain('<h1>Box</h1>')
  expect((await kim.get(`${BOX}/versions/1.0.0/readme`)).bytes).toEqual(html.bytes)
})

test('what is published here is installed by npm under its npm name', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  await publish(kim, BOX, '1.0.0', {
    dependencies: {
      [`kim@${app.host}/other`]: '1',
      [`legacy@${app.host}/%40s%2Fn`]: '2',
      'b@far.example/x': '*',
    },
  })
  const packument = (await kim.get('/@kim%2fbox')).json
  expect(packument.versions['1.0.0'].dependencies).toEqual({ '@kim/other': '1', '@s/n': '2' })
  const tarball = await kim.get('/@kim/box/-/box-1.0.0.tgz')
  expect(sha512(tarball.bytes)).toBe(packument.versions['1.0.0'].dist.integrity)
})

test('what npm published is read file by file', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  await kim.publish('@kim/box', '1.0.0', { files: { 'lib/a.js': 'a' } })
  const version = (await kim.get(`${BOX}/versions/1.0.0`)).json
  const file = await kim.get(objectPath(version.files['./package/lib/a.js']))
  expect(file.bytes.toString()).toBe('a')
})

test('a package has one address in many spellings', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  await publish(kim, BOX, '1.0.0')
  const wanted = (await kim.get(BOX)).bytes
  const host = app.host.toUpperCase()
  for (const namespace of ['kim', `kim@${app.host}`, `kim@${encodeURIComponent(host)}`])
    for (const prefix of ['', '/v1'])
      expect((await kim.get(`${prefix}/packages/package/${namespace}/box`)).bytes).toEqual(wanted)
  expect((await kim.get('/v1/packages/package/kim@other.example/box')).status).toBe(403)
})

test('a mirrored package is taken apart when it is asked for, by its percent-encoded name too', async () => {
  await using npm = await tinyNpm({ '@s/n': { '1.0.0': {}, '1.1.0': { dependencies: { x: '1' } } } })
  await using app = await testApp({ upstream: npm.url })
  const anybody = app.anonymous()
  const path = '/v1/packages/package/legacy/%40s%2Fn'
  const found = (await anybody.get(path)).json
  expect(found).toMatchObject({ name: `legacy@${app.host}/%40s%2Fn`, tags: { latest: '1.1.0' } })
  expect(Object.keys(found.versions)).toEqual(['1.0.0', '1.1.0'])
  const version = (await anybody.get(`${path}/versions/1.1.0`)).json
  expect(version.dependencies).toEqual({ x: '1' })
  expect((await anybody.get(`${path}/maintainers`)).json).toEqual({ objects: ['legacy'] })
  expect((await anybody.get('/v1/packages/package/s/n')).status).toBe(404)
})

test('latest only moves forward, and never from a release to a prerelease', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  for (const version of ['1.0.0', '2.0.0-rc.1', '0.9.0']) await publish(kim, BOX, version)
  expect((await kim.get(BOX)).json.tags).toEqual({ latest: '1.0.0' })
  await publish(kim, BOX, '1.0.1')
  expect((await kim.get(BOX)).json.tags).toEqual({ latest: '1.0.1' })
})

test('a yanked version is no longer offered, stays readable, and can be offered again', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  for (const version of ['1.0.0', '1.1.0']) await publish(kim, BOX, version)
  expect((await kim.send('DELETE', `${BOX}/versions/1.1.0`)).status).toBe(200)
  const yanked = (await kim.get(BOX)).json
  expect(Object.keys(yanked.versions)).toEqual(['1.0.0'])
  expect(yanked.tags).toEqual({ latest: '1.0.0' })
  expect((await kim.get(`${BOX}/versions/1.1.0`)).json.yanked).toBe(true)
  expect(
    (await kim.get(`${BOX}/versions`)).json.objects.map((one: { yanked: boolean }) => one.yanked),
  ).toEqual([false, true])
  expect((await kim.send('PATCH', `${BOX}/versions/1.1.0`, { body: { yanked: false } })).status).toBe(200)
  expect(Object.keys((await kim.get(BOX)).json.versions)).toEqual(['1.0.0', '1.1.0'])
})

test('an abandoned package stays readable, and nobody’s', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  await publish(kim, BOX, '1.0.0')
  expect((await kim.send('DELETE', BOX)).status).toBe(204)
  const box = (await kim.get(BOX)).json
  expect(box).toMatchObject({ yanked: true, tags: { latest: '1.0.0' } })
  expect(Object.keys(box.versions)).toEqual(['1.0.0'])
  expect((await kim.get(`${BOX}/maintainers`)).json).toEqual({ objects: ['abandonware'] })
  expect((await kim.send('PUT', `${BOX}/versions/1.0.1`, { body: publishForm({}) })).status).toBe(403)
})

test('an object is immutable, comes in ranges, and is not sent twice', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  const { files } = await publish(kim, BOX, '1.0.0')
  const path = objectPath(files['./package/README.md'])
  const whole = await kim.get(path)
  expect(whole.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
  expect(whole.headers.get('content-length')).toBe('6')
  const etag = whole.headers.get('etag') ?? ''
  expect((await kim.get(path, { 'if-none-match': etag })).status).toBe(304)
  const part = await kim.get(path, { range: 'bytes=2-4' })
  expect([part.status, part.bytes.toString()]).toEqual([206, 'Box'])
  expect((await kim.get(path, { range: 'bytes=9-' })).status).toBe(416)
  const head = await kim.send('HEAD', path)
  expect([head.status, head.headers.get('content-length')]).toEqual([200, '6'])
  expect((await kim.get(objectPath(sha512('nowhere')))).status).toBe(404)
  expect((await kim.get('/v1/objects/object/md5/x')).status).toBe(400)
})

test('documents are not sent twice, and pages of other sites may read them', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  await publish(kim, BOX, '1.0.0')
  const first = await kim.get(BOX)
  expect(first.headers.get('access-control-allow-origin')).toBe('*')
  const again = await kim.get(BOX, { 'if-none-match': first.headers.get('etag') ?? '' })
  expect([again.status, again.bytes.length]).toEqual([304, 0])
  await publish(kim, BOX, '1.1.0')
  expect((await kim.get(BOX, { 'if-none-match': first.headers.get('etag') ?? '' })).status).toBe(200)
})

test('a long document goes out compressed to whoever can read it so', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  const files = Object.fromEntries(Array.from({ length: 30 }, (_, index) => [`file${index}`, '']))
  await kim.send('PUT', BOX, { body: {} })
  await kim.send('PUT', `${BOX}/versions/1.0.0`, { body: publishForm(files) })
  const plain = await kim.get(`${BOX}/versions/1.0.0`, { 'accept-encoding': 'identity' })
  const packed = await kim.get(`${BOX}/versions/1.0.0`, { 'accept-encoding': 'gzip' })
  expect([plain, packed].map((reply) => reply.headers.get('content-encoding'))).toEqual([null, 'gzip'])
  expect(packed.json).toEqual(plain.json)
  expect(packed.headers.get('vary')).toBe('accept-encoding')
  const current = { 'if-none-match': packed.headers.get('etag') ?? '' }
  expect((await kim.get(`${BOX}/versions/1.0.0`, current)).status).toBe(304)
})

test('query parameters that are not known, and what is no form, are refused with what is allowed', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  for (const [path, allowed] of [
    ['/v1/packages/search?text=box', 'q, page, per_page'],
    ['/v1/packages?limit=abc', 'page, per_page'],
  ] as const) {
    const { status, json } = await kim.get(path)
    const name = /\?(\w+)/.exec(path)?.[1]
    expect([status, json.message]).toEqual([
      400,
      `"${name}" is no query parameter of this; allowed: ${allowed}`,
    ])
  }
  expect((await kim.get('/v1/packages?per_page=abc')).status).toBe(400)
  await kim.send('PUT', BOX)
  const formless = await kim.send('PUT', `${BOX}/versions/1.0.1`, { body: {} })
  expect([formless.status, formless.json.message]).toEqual([
    400,
    'unsupported content-type: send a form, multipart/form-data with its boundary',
  ])
})

test('a wrong method is told the right ones, a wrong path that there is nothing', async () => {
  await using app = await testApp()
  const anybody = app.anonymous()
  const wrong = await anybody.send('POST', BOX)
  expect([wrong.status, wrong.json.code]).toEqual([405, 'METHOD_NOT_ALLOWED'])
  expect(wrong.headers.get('allow')?.split(', ').sort()).toEqual(['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PUT'])
  const options = await anybody.send('OPTIONS', BOX)
  expect([options.status, options.headers.get('allow')]).toEqual([204, wrong.headers.get('allow')])
  const nowhere = await anybody.get('/v1/nowhere')
  expect([nowhere.status, nowhere.json.message]).toEqual([404, 'Not found'])
  const root = await anybody.get('/v1')
  expect([root.status, root.json.message]).toEqual([
    404,
    `What there is stands in ${app.url}/v1/openapi.json`,
  ])
  expect((await anybody.get('/v1/packages/package/kim/a%00b')).status).toBe(404)
})

test('compressed bodies are understood, and broken ones refused', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  await kim.send('PUT', BOX, { body: {} })
  const { body, headers } = await publishBytes({ 'a.js': 'a' })
  const sent = (version: string, bytes: Buffer, encoding: string) =>
    kim.send('PUT', `${BOX}/versions/${version}`, {
      body: new Uint8Array(bytes),
      headers: { ...headers, 'content-encoding': encoding },
    })
  expect((await sent('1.0.0', deflateSync(body), 'deflate')).status).toBe(201)
  expect((await sent('1.0.1', gzipSync(body), 'gzip')).status).toBe(201)
  expect((await sent('1.0.2', deflateSync(body).subarray(0, -9), 'deflate')).status).toBe(400)
  expect((await sent('1.0.3', body, 'br')).status).toBe(415)
  expect(Object.keys((await kim.get(BOX)).json.versions)).toEqual(['1.0.0', '1.0.1'])
})

test('of two files with one path the last is kept, and paths that collide are refused', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  await kim.send('PUT', BOX, { body: {} })
  const sent = (version: string, parts: [string, string][]) => {
    const form = new FormData()
    for (const [path, content] of parts) form.append('entry[]', new File([content], path))
    return kim.send('PUT', `${BOX}/versions/${version}`, { body: form })
  }
  const twice = await sent('1.0.0', [
    ['package%2Fa', 'one'],
    ['./package/a', 'two'],
  ])
  expect(twice.json.files).toEqual({ './package/a': sha512('two') })
  for (const [index, paths] of [
    ['a', 'A'],
    ['a', 'a/b'],
    ['../a'],
    ['/a'],
    ['a%00'],
    ['%ff'],
    [''],
  ].entries()) {
    const reply = await sent(
      `2.0.${index}`,
      paths.map((path) => [path, '']),
    )
    expect([reply.status, reply.json.code], paths.join()).toEqual([400, 'INVALID_PATH'])
  }
})

test('limits are kept: files, bytes, dependencies', async () => {
  await using app = await testApp({ limits: { files: 3, tarball: 1000, dependencies: 2 } })
  const kim = await app.user('kim')
  await kim.send('PUT', BOX, { body: {} })
  const sent = (body: FormData) => kim.send('PUT', `${BOX}/versions/1.0.0`, { body })
  const four = await sent(publishForm({ a: '', b: '', c: '', d: '' }))
  expect([four.status, four.json.message]).toEqual([400, 'Exceeded maximum number of files in a version.'])
  expect((await sent(publishForm({ a: 'x'.repeat(600), b: 'x'.repeat(600) }))).status).toBe(413)
  const many = await sent(
    publishForm({}, { dependencies: { 'a@b.example/c': '1', d: '1' }, devDependencies: { e: '1' } }),
  )
  expect([many.status, many.json.message]).toEqual([400, 'Exceeded maximum number of dependencies.'])
  expect((await sent(publishForm({ a: 'x'.repeat(900) }, { dependencies: { d: '1' } }))).status).toBe(201)
})

test('tags are set and removed, but for latest', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  for (const version of ['1.0.0', '1.1.0']) await publish(kim, BOX, version)
  const set = (tag: string, version: string) =>
    kim.send('PUT', `${BOX}/dist-tags/${tag}`, { body: { version } })
  expect((await set('old', '1.0.0')).status).toBe(200)
  expect((await set('latest', '1.0.0')).status).toBe(400)
  expect((await set('old', '9.9.9')).status).toBe(404)
  expect((await set('old', '1.0.0\0')).status).toBe(404)
  expect((await kim.get(`${BOX}/dist-tags`)).json).toEqual({ old: '1.0.0', latest: '1.1.0' })
  expect((await kim.get(`${BOX}/dist-tags/old`)).json).toEqual({ version: '1.0.0' })
  expect((await kim.send('DELETE', `${BOX}/dist-tags/old`)).status).toBe(200)
  expect((await kim.get(`${BOX}/dist-tags/old`)).status).toBe(404)
})

test('lists are whole, or a page when one is asked for', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  for (const name of ['a1', 'a2', 'b1'])
    await kim.send('PUT', `/v1/packages/package/kim/${name}`, { body: {} })
  const names = async (path: string) => {
    const { objects, ...page } = (await kim.get(path)).json
    return [objects.map((one: { name: string }) => one.name.split('/')[1]), page]
  }
  expect(await names('/v1/packages')).toEqual([['a1', 'a2', 'b1'], {}])
  expect(await names('/v1/packages?page=1&per_page=2')).toEqual([
    ['b1'],
    { next: false, prev: true, total: 3 },
  ])
  // What fits alike is in no order that matters.
  const [found, page] = await names('/v1/packages/search?q=KIM+a&page=0')
  expect([found.toSorted(), page]).toEqual([['a1', 'a2'], { next: false, prev: false, total: 2 }])
  expect(await names('/v1/packages/authored-by/kim')).toEqual([['a1', 'a2', 'b1'], {}])
  expect(await names('/v1/packages/maintained-by/kim')).toEqual([['a1', 'a2', 'b1'], {}])
  expect((await kim.get('/v1/packages?page=-1')).status).toBe(400)
})

test('who depends on a package is known, at all and by range', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  await publish(kim, BOX, '1.0.0')
  await publish(kim, '/v1/packages/package/kim/user', '1.0.0', { dependencies: { 'kim/box': '^1.0.0' } })
  const names = async (path: string) =>
    (await kim.get(path)).json.objects.map((one: { name: string }) => one.name)
  expect(await names(`${BOX}/dependents`)).toEqual([`kim@${app.host}/user`])
  expect(await names(`${BOX}/dependents/range/1.x`)).toEqual([`kim@${app.host}/user`])
  expect(await names(`${BOX}/dependents/range/2.x`)).toEqual([])
  expect((await kim.get(`${BOX}/dependents/range/no`)).status).toBe(400)
  expect((await kim.get('/v1/packages/package/kim/user/dependencies')).json).toEqual({
    objects: [{ name: `kim@${app.host}/box`, range: '^1.0.0', field: 'dependencies' }],
  })
})

test('a follower of the feed resumes where it stopped, and may wait for the next change', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  await publish(kim, BOX, '1.0.0')
  const first = (await kim.get('/v1/changes?since=0')).json
  expect(first.objects.map((one: { kind: string }) => one.kind)).toEqual(['create', 'publish'])
  expect((await kim.get(`/v1/changes?since=${first.last}`)).json).toEqual({ objects: [], last: first.last })
  const waiting = kim.get(`/v1/changes?since=${first.last}&wait=30`)
  await publish(kim, BOX, '1.0.1')
  const next = (await waiting).json
  expect(next.objects).toMatchObject([
    { kind: 'publish', name: `kim@${app.host}/box`, detail: { version: '1.0.1' } },
  ])
})

test('a token can revoke itself, and then is nobody’s', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  expect((await kim.get('/v1/auth/whoami')).json).toEqual({ username: 'kim' })
  expect((await kim.send('POST', '/v1/auth/logout')).status).toBe(200)
  expect((await kim.get('/v1/auth/whoami')).status).toBe(403)
})
