import { expect, test } from 'vitest'
import { testApp } from '../support/app.ts'
import { publishDocument } from '../support/npm-user.ts'
import { onEveryStorage } from '../support/services.ts'
import { packageTarball, sha512, tarballOf } from '../support/tarball.ts'

const SHORT = { accept: 'application/vnd.npm.install-v1+json; q=1.0, application/json; q=0.8, */*' }

onEveryStorage('the npm door', (engine) => {
  test('a published version is in the packument and its tarball comes back byte for byte', async () => {
    await using app = await testApp({ engine })
    const kim = await app.user('kim')
    const manifest = {
      description: 'a box',
      scripts: { postinstall: 'node x' },
      dependencies: { left: '^1.0.0' },
      odd: { kept: [1] },
    }
    const tarball = await packageTarball(
      { name: '@kim/box', version: '1.0.0', ...manifest },
      { 'README.md': '# Box' },
    )
    const published = await kim.publish('@kim/box', '1.0.0', { manifest, tarball })
    expect(published.json).toMatchObject({ ok: true })
    expect(published.status).toBe(201)

    const { json } = await app.anonymous().get('/@kim%2fbox')
    expect(json).toMatchObject({
      _id: '@kim/box',
      name: '@kim/box',
      'dist-tags': { latest: '1.0.0' },
      description: 'a box',
      readme: '# Box',
      maintainers: [{ name: 'kim' }],
      versions: {
        '1.0.0': {
          name: '@kim/box',
          odd: { kept: [1] },
          hasInstallScript: true,
          _npmUser: { name: 'kim', email: '' },
          dist: { tarball: `${app.url}/@kim/box/-/box-1.0.0.tgz`, integrity: sha512(tarball), fileCount: 2 },
        },
      },
    })
    expect(Object.keys(json.time)).toEqual(['created', 'modified', '1.0.0'])
    const fetched = await app.anonymous().get('/@kim/box/-/box-1.0.0.tgz')
    expect(fetched.bytes.equals(tarball)).toBe(true)
  })

  test('all four spellings of a scoped name and the encoded tarball path answer alike', async () => {
    await using app = await testApp({ engine })
    const kim = await app.user('kim')
    await kim.publish('@kim/box', '1.0.0')
    for (const path of [
      '/@kim%2fbox',
      '/@kim%2Fbox',
      '/%40kim%2fbox',
      '/@kim/box',
      '/npm/@kim/box',
      '/@kim%2fbox/1.0.0',
      '/@kim/box/latest',
      '/@kim%2fbox/-/box-1.0.0.tgz',
    ])
      expect([path, (await app.anonymous().get(path)).status]).toEqual([path, 200])
  })

  test('the abbreviated form carries time and its own media type, and a 304 costs no body', async () => {
    await using app = await testApp({ engine })
    const kim = await app.user('kim')
    await kim.publish('box', '1.0.0')
    const short = await app.anonymous().get('/box', SHORT)
    expect(short.headers.get('content-type')).toBe('application/vnd.npm.install-v1+json')
    expect(short.json.time['1.0.0']).toBeDefined()
    const etag = short.headers.get('etag') ?? ''
    expect((await app.anonymous().get('/box', { ...SHORT, 'if-none-match': etag })).status).toBe(304)
    const plain = { ...SHORT, 'accept-encoding': 'identity', 'if-none-match': etag }
    expect((await app.anonymous().get('/box', plain)).status).toBe(304)
    await kim.publish('box', '1.0.1')
    expect((await app.anonymous().get('/box', { ...SHORT, 'if-none-match': etag })).status).toBe(200)
  })

  test('a version that exists is refused with npm’s sentence; the same bytes again succeed', async () => {
    await using app = await testApp({ engine })
    const kim = await app.user('kim')
    const document = await publishDocument('box', '1.0.0')
    const put = () => kim.send('PUT', '/box', { body: document })
    expect((await put()).status).toBe(201)
    expect((await put()).status).toBe(201)
    const other = await kim.publish('box', '1.0.0', { files: { 'other.js': '1' } })
    expect(other.status).toBe(403)
    expect(other.json.error).toBe('You cannot publish over the previously published versions: 1.0.0.')
  })

  test('whatever does not fit is refused and nothing is stored', async () => {
    await using app = await testApp({ engine })
    const kim = await app.user('kim')
    const link = { header: { type: 'symlink', linkname: '/etc/passwd' } } as const
    const spoilt = {
      'wrong shasum': {
        spoil: (d) => {
          d.versions['1.0.0'].dist.shasum = '0'.repeat(40)
        },
      },
      'wrong integrity': {
        spoil: (d) => {
          d.versions['1.0.0'].dist.integrity = sha512('x')
        },
      },
      'wrong length': {
        spoil: (d) => {
          d._attachments['box-1.0.0.tgz'].length += 1
        },
      },
      'other name inside': { tarball: await packageTarball({ name: 'bag', version: '1.0.0' }) },
      'other version inside': { tarball: await packageTarball({ name: 'box', version: '1.0.1' }) },
      'no package.json': { tarball: await tarballOf({ 'package/a.js': '' }) },
      'no tarball at all': { tarball: Buffer.from('hello') },
      'a link': { tarball: await packageTarball({ name: 'box', version: '1.0.0' }, { x: link }) },
      'a way out': {
        tarball: await tarballOf({
          'package/package.json': '{"name":"box","version":"1.0.0"}',
          'package/../../x': '',
        }),
      },
      'two names but for case': {
        tarball: await packageTarball({ name: 'box', version: '1.0.0' }, { a: '', A: '' }),
      },
      'no base64': {
        spoil: (d) => {
          d._attachments['box-1.0.0.tgz'].data = '<<<<'
        },
      },
      'two versions': {
        spoil: (d) => {
          d.versions['2.0.0'] = d.versions['1.0.0']
        },
      },
      'a bad version': {
        spoil: (d) => {
          d.versions = { '1.0': { ...d.versions['1.0.0'], version: '1.0' } }
        },
      },
      'a tag like a version': { tag: '2.0.0' },
      'a tag like a step up': { tag: '..' },
      'dependencies that are a list': {
        spoil: (d) => {
          d.versions['1.0.0'].dependencies = ['x']
        },
      },
    } satisfies Record<string, Parameters<typeof kim.publish>[2]>
    for (const [what, release] of Object.entries(spoilt)) {
      const { status, json } = await kim.publish('box', '1.0.0', release)
      expect([what, status, json.error]).toEqual([what, 400, expect.any(String)])
    }
    expect((await kim.get('/box')).status).toBe(404)
  })

  test('only maintainers publish, only members into a namespace, and a new scope is claimed by its first publisher', async () => {
    await using app = await testApp({ engine })
    const [kim, lee] = [await app.user('kim'), await app.user('lee')]
    expect((await app.anonymous().publish('box', '1.0.0')).status).toBe(401)
    expect((await kim.publish('box', '1.0.0')).status).toBe(201)
    expect((await lee.publish('box', '1.0.1')).status).toBe(403)
    expect((await lee.publish('@kim/box', '1.0.1')).status).toBe(403)
    expect((await lee.publish('@tools/hammer', '1.0.0')).status).toBe(201)
    expect((await kim.publish('@tools/saw', '1.0.0')).status).toBe(403)
    expect((await kim.publish('Box', '1.0.0')).status).toBe(400)
  })

  test('tags can be listed, set and removed, except latest', async () => {
    await using app = await testApp({ engine })
    const kim = await app.user('kim')
    await kim.publish('box', '1.0.0', { tag: 'next' })
    await kim.publish('box', '1.1.0', { tag: 'next' })
    const tags = '/-/package/box/dist-tags'
    expect((await kim.get(tags)).json).toEqual({ latest: '1.0.0', next: '1.1.0' })
    expect((await kim.send('PUT', `${tags}/stable`, { body: '"1.1.0"' })).status).toBe(201)
    expect((await kim.send('PUT', `${tags}/stable`, { body: '"9.9.9"' })).status).toBe(404)
    expect((await kim.send('DELETE', `${tags}/next`)).status).toBe(200)
    expect((await kim.send('DELETE', `${tags}/latest`)).status).toBe(400)
    expect((await kim.get(tags)).json).toEqual({ latest: '1.0.0', stable: '1.1.0' })
  })

  test('deprecating takes the message and nothing else from the document', async () => {
    await using app = await testApp({ engine })
    const kim = await app.user('kim')
    await kim.publish('box', '1.0.0')
    await kim.publish('box', '1.1.0')
    const { json: document } = await kim.get('/box?write=true')
    document.versions['1.0.0'].deprecated = 'too old'
    document.versions['1.0.0'].dist.integrity = sha512('forged')
    delete document.versions['1.1.0']
    expect((await kim.send('PUT', '/box', { body: document })).status).toBe(201)
    const { json: after } = await kim.get('/box')
    expect(after.versions['1.0.0'].deprecated).toBe('too old')
    expect(after.versions['1.0.0'].dist.integrity).not.toBe(sha512('forged'))
    expect(Object.keys(after.versions)).toEqual(['1.0.0', '1.1.0'])
    document.versions['1.0.0'].deprecated = ''
    await kim.send('PUT', '/box', { body: document })
    expect((await kim.get('/box')).json.versions['1.0.0']).not.toHaveProperty('deprecated')
  })

  test('an unpublished version is gone, latest moves, and its number stays taken', async () => {
    await using app = await testApp({ engine })
    const kim = await app.user('kim')
    await kim.publish('box', '1.0.0')
    await kim.publish('box', '1.1.0')
    const { json: document } = await kim.get('/box?write=true')
    delete document.versions['1.1.0']
    const edit = () => kim.send('PUT', `/box/-rev/${document._rev}`, { body: document })
    expect((await edit()).status).toBe(201)
    expect((await edit()).status).toBe(409)
    const { json: after } = await kim.get('/box')
    expect(after['dist-tags']).toEqual({ latest: '1.0.0' })
    expect((await kim.get('/box/-/box-1.1.0.tgz')).status).toBe(404)
    expect((await kim.publish('box', '1.1.0')).status).toBe(403)

    expect((await kim.send('DELETE', `/box/-rev/${after._rev}`)).status).toBe(200)
    expect((await kim.get('/box')).status).toBe(404)
    expect((await kim.publish('box', '1.0.0')).status).toBe(403)
    expect((await kim.publish('box', '2.0.0')).status).toBe(201)
  })

  test('tarballs answer HEAD, Range and If-None-Match', async () => {
    await using app = await testApp({ engine })
    const kim = await app.user('kim')
    await kim.publish('box', '1.0.0')
    const path = '/box/-/box-1.0.0.tgz'
    const whole = await kim.get(path)
    expect(whole.headers.get('cache-control')).toContain('immutable')
    const head = await kim.send('HEAD', path)
    expect([head.status, head.headers.get('content-length'), head.bytes.length]).toEqual([
      200,
      String(whole.bytes.length),
      0,
    ])
    const part = await kim.get(path, { range: 'bytes=5-9' })
    expect([part.status, part.bytes]).toEqual([206, whole.bytes.subarray(5, 10)])
    expect(part.headers.get('content-range')).toBe(`bytes 5-9/${whole.bytes.length}`)
    expect((await kim.get(path, { range: 'bytes=-3' })).bytes).toEqual(whole.bytes.subarray(-3))
    expect((await kim.get(path, { range: 'bytes=999999-' })).status).toBe(416)
    expect((await kim.get(path, { 'if-none-match': whole.headers.get('etag') ?? '' })).status).toBe(304)
  })

  test('sixteen publishers of one new package at once lose nothing', async () => {
    await using app = await testApp({ engine })
    const kim = await app.user('kim')
    const replies = await Promise.all(Array.from({ length: 16 }, (_, n) => kim.publish('box', `1.0.${n}`)))
    expect(replies.map(({ status }) => status)).toEqual(Array(16).fill(201))
    expect(Object.keys((await kim.get('/box')).json.versions)).toHaveLength(16)
  })

  test('of sixteen publishers of one version exactly one wins', async () => {
    await using app = await testApp({ engine })
    const kim = await app.user('kim')
    const replies = await Promise.all(
      Array.from({ length: 16 }, (_, n) => kim.publish('box', '1.0.0', { files: { 'n.js': String(n) } })),
    )
    expect(replies.map(({ status }) => status).sort()).toEqual([201, ...Array(15).fill(403)])
  })

  test('names that are properties of every object are ordinary names', async () => {
    await using app = await testApp({ engine })
    const kim = await app.user('kim')
    for (const name of ['constructor', 'toString'.toLowerCase(), 'hasownproperty', '@kim/constructor'])
      expect([
        name,
        (await kim.publish(name, '1.0.0')).status,
        (await kim.get(`/${name}`)).json.name,
      ]).toEqual([name, 201, name])
    expect((await kim.get('/constructor/__proto__')).status).toBe(404)
    expect((await kim.get('/__proto__')).status).toBe(400)
  })

  test('__proto__ is the name of no new package, in no scope, and of no tag', async () => {
    await using app = await testApp({ engine })
    const kim = await app.user('kim')
    for (const name of ['__proto__', '@kim/__proto__'])
      expect([name, (await kim.publish(name, '1.0.0')).json.code]).toEqual([name, 'INVALID_NAME'])
    const put = await kim.send('PUT', '/v1/packages/package/kim/__proto__')
    expect([put.status, put.json.code]).toEqual([400, 'INVALID_NAME'])
    await kim.publish('box', '1.0.0')
    const tags = '/-/package/box/dist-tags'
    const replies = [
      await kim.publish('box', '1.1.0', { tag: '__proto__' }),
      await kim.send('PUT', `${tags}/__proto__`, { body: '"1.0.0"' }),
      await kim.send('PUT', tags, { body: '{"__proto__": "1.0.0"}' }),
      await kim.send('PUT', '/v1/packages/package/legacy/box/dist-tags/__proto__', { body: '"1.0.0"' }),
    ]
    for (const { status, json } of replies) expect([status, json.code]).toEqual([400, 'INVALID_TAG'])
    expect((await kim.get(tags)).json).toEqual({ latest: '1.0.0' })
  })

  test.each([
    ['1.0', 'three numbers, as in 1.2.3'],
    ['latest', 'three numbers, as in 1.2.3'],
    ['v1.0.0', 'try "1.0.0" instead'],
  ])('the version %s is refused through both doors, and what is allowed is told', async (version, advice) => {
    await using app = await testApp({ engine })
    const kim = await app.user('kim')
    await kim.send('PUT', '/v1/packages/package/kim/box')
    const replies = [
      await kim.publish('@kim/box', version),
      await kim.send('PUT', `/v1/packages/package/kim/box/versions/${version}`),
    ]
    for (const { status, json } of replies)
      expect([status, json.message]).toEqual([
        400,
        expect.stringContaining(`"${version}" is not valid semver; `),
      ])
    for (const { json } of replies) expect(json.message).toContain(advice)
  })

  test('login by password gives a token that works until logout', async () => {
    await using app = await testApp({ engine })
    const login = (body: object) => app.anonymous().send('PUT', '/-/user/org.couchdb.user:kim', { body })
    const mistyped = await app.anonymous().send('PUT', '/-/user/org.couchdb.user:kim', {
      body: { name: 'kim', password: 'a long password' },
      headers: { 'npm-command': 'login' },
    })
    expect([mistyped.status, mistyped.json.error]).toEqual([401, expect.stringContaining('npm adduser')])
    expect((await login({ name: 'kim', password: 'short', email: '' })).status).toBe(400)
    const first = await login({ name: 'kim', password: 'a long password', email: 'kim@example.org' })
    expect([first.status, first.json.ok]).toEqual([201, true])
    const wrong = { name: 'kim', password: 'a wrong password' }
    expect((await login(wrong)).json.error).toContain('user name or the password is wrong')
    const { status, json } = await login({ ...wrong, email: 'lee@example.org' })
    expect([status, json.error]).toEqual([401, expect.stringMatching(/^The name "kim" is taken, .* log in/)])
    const again = await login({ name: 'kim', password: 'a long password' })
    const headers = { authorization: `Bearer ${again.json.token}` }
    expect((await app.anonymous().get('/-/whoami', headers)).json).toEqual({ username: 'kim' })
    const basic = { authorization: `Basic ${Buffer.from('kim:a long password').toString('base64')}` }
    expect((await app.anonymous().get('/-/whoami', basic)).json).toEqual({ username: 'kim' })
    expect(
      (await app.anonymous().send('DELETE', `/-/user/token/${again.json.token}`, { headers })).status,
    ).toBe(200)
    expect((await app.anonymous().get('/-/whoami', headers)).status).toBe(401)
  })
})
