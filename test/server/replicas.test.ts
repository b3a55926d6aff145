import { describe, expect, test } from 'vitest'
import { type TestApp, testApp } from '../support/app.ts'
import { logInAcross } from '../support/cli-login.ts'
import { NpmUser } from '../support/npm-user.ts'
import { missing, postgres } from '../support/services.ts'
import { Visitor } from '../support/visitor.ts'

const reason = missing.postgres ?? missing.redis

/** Two servers over one Postgres, one Redis and one folder of blobs. */
async function twoReplicas() {
  await using opening = new AsyncDisposableStack()
  const { config: storage } = opening.use(await postgres.place())
  const open = async () => opening.use(await testApp({ storage, host: 'registry.example' }))
  const [a, b] = [await open(), await open()]
  const opened = opening.move()
  return { a, b, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

const at = ({ url }: TestApp, { name, token }: NpmUser) => new NpmUser(url, name, token)

describe.skipIf(reason)(`two replicas${reason ? ` – ${reason}` : ''}`, () => {
  test.each(['/-/v1/login', '/v1/auth/login'])(
    'a login begun at %s on one is allowed and fetched on the others',
    async (path) => {
      await using replicas = await twoReplicas()
      const { a, b } = replicas
      await a.user('kim')
      const places = { begin: a.url, allow: b.url, finish: a.url }
      const user = await logInAcross(places, { path, name: 'kim' })
      expect((await at(b, user).get('/-/whoami')).json).toEqual({ username: 'kim' })
    },
  )

  test('a browser logs in on one, sets something on the other, and is logged out of both', async () => {
    await using replicas = await twoReplicas()
    const { a, b } = replicas
    await a.user('kim')
    const here = new Visitor(a.url)
    await here.logIn('kim')
    const there = new Visitor(b.url, here.cookies)
    expect((await there.get('/www/account')).path).toBe('/www/account')
    await there.submit('/www/account/email', { email: 'kim@example.org' })
    expect((await here.get('/www/account')).text).toContain('kim@example.org')
    const stolen = new Visitor(a.url, here.cookies.copy())
    await there.submit('/www/logout')
    expect((await stolen.get('/www/account')).path).toContain('/www/login')
  })

  test('a token revoked on one is refused by the other at once', async () => {
    await using replicas = await twoReplicas()
    const { a, b } = replicas
    const kim = await a.user('kim')
    expect((await at(b, kim).get('/-/whoami')).status).toBe(200)
    await kim.send('DELETE', `/-/user/token/${kim.token}`)
    expect((await at(b, kim).get('/-/whoami')).status).toBe(401)
  })

  test('guesses on one count on the other', async () => {
    await using replicas = await twoReplicas()
    const { a, b } = replicas
    const statuses: number[] = []
    for (let n = 0; n < 101; n++)
      statuses.push((await new NpmUser((n % 2 ? a : b).url, 'x', `ent_${n}`).get('/-/whoami')).status)
    expect(statuses.lastIndexOf(401)).toBe(99)
    expect(statuses.at(-1)).toBe(429)
  })

  test('what is published on one is seen on the other at once: document, tarball, search, page', async () => {
    await using replicas = await twoReplicas()
    const { a, b } = replicas
    const kim = await a.user('kim')
    for (const version of ['1.0.0', '1.1.0', '1.2.0']) {
      expect((await kim.publish('@kim/box', version)).status).toBe(201)
      const there = at(b, kim)
      const { json } = await there.get('/@kim%2fbox')
      expect(json['dist-tags']).toEqual({ latest: version })
      expect((await there.get(new URL(json.versions[version].dist.tarball).pathname)).status).toBe(200)
      const found = (await there.get('/-/v1/search?text=box')).json.objects
      expect(found[0].package).toMatchObject({ name: '@kim/box', version })
      expect((await new Visitor(b.url).get('/www/package/@kim/box')).text).toContain(version)
      expect((await there.get('/v1/packages/package/kim/box')).json.versions).toHaveProperty([version])
    }
  })

  test('tags, deprecations, closing and unpublishing on one hold on the other at once', async () => {
    await using replicas = await twoReplicas()
    const { a, b } = replicas
    const kim = await a.user('kim')
    const there = at(b, kim)
    const anybody = b.anonymous()
    const seen = async (by = anybody) => by.get('/@kim%2fbox')
    await kim.publish('@kim/box', '1.0.0')
    await kim.publish('@kim/box', '1.1.0')
    expect((await seen()).json['dist-tags']).toEqual({ latest: '1.1.0' })

    await kim.send('PUT', '/-/package/@kim%2fbox/dist-tags/stable', { body: '"1.0.0"' })
    expect((await seen()).json['dist-tags']).toEqual({ latest: '1.1.0', stable: '1.0.0' })

    const { json: document } = await kim.get('/@kim%2fbox?write=true')
    document.versions['1.0.0'].deprecated = 'too old'
    await kim.send('PUT', '/@kim%2fbox', { body: document })
    expect((await seen()).json.versions['1.0.0'].deprecated).toBe('too old')

    await kim.send('POST', '/-/package/@kim%2fbox/access', { body: { access: 'restricted' } })
    expect((await seen()).status).toBe(404)
    expect((await seen(there)).status).toBe(200)
    expect((await anybody.get('/@kim/box/-/box-1.0.0.tgz')).status).toBe(404)

    const { json: last } = await there.get('/@kim%2fbox?write=true')
    delete last.versions['1.1.0']
    await there.send('PUT', `/@kim%2fbox/-rev/${last._rev}`, { body: last })
    expect((await kim.get('/@kim%2fbox')).json['dist-tags'].latest).toBe('1.0.0')
    expect((await kim.get('/@kim/box/-/box-1.1.0.tgz')).status).toBe(404)
  })

  test('one version published on both at once is published once', async () => {
    await using replicas = await twoReplicas()
    const { a, b } = replicas
    const kim = await a.user('kim')
    const publish = (n: number) =>
      at(n % 2 ? a : b, kim).publish('@kim/box', '1.0.0', { files: { 'n.js': `${n}` } })
    const statuses = (await Promise.all([0, 1, 2, 3, 4, 5].map(publish))).map(({ status }) => status)
    expect(statuses.toSorted()).toEqual([201, 403, 403, 403, 403, 403])
  })
})
