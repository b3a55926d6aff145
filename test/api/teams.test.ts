import { expect, test } from 'vitest'
import { type TestApp, testApp } from '../support/app.ts'
import { join } from '../support/join.ts'
import { NpmUser, type PublishDocument } from '../support/npm-user.ts'
import { onEveryEngine } from '../support/services.ts'
import { acme, grant, revoke, team } from '../support/teams.ts'

const restricted = (document: PublishDocument) => {
  document.access = 'restricted'
}
const BOX = '/@kim%2fbox'
const V1 = '/v1/packages/package/kim/box'

/** How many rows tell of teams: members and grants. */
async function rowsOf(app: TestApp) {
  const { read } = app.storage.sql
  const members = await read.selectFrom('team_member').selectAll().execute()
  const grants = await read.selectFrom('team_package').select(['team', 'permission']).execute()
  return { members: members.length, grants }
}

/** A token of `name` that is limited, or may only read. */
async function tokenOf(app: TestApp, name: string, limits: object): Promise<NpmUser> {
  const request = { accountName: name, description: 'test', access: 'publish', ...limits } as const
  return new NpmUser(app.url, name, (await app.registry.tokens.issue(request)).secret)
}

onEveryEngine('teams', (engine) => {
  test('are made, filled, shown and destroyed, in the shapes of npm and of pnpm', async () => {
    await using app = await testApp({ engine })
    const { kim, lee } = await acme(app)
    const get = async (path: string) => (await lee.get(path)).json
    expect(await get('/-/org/acme/team?format=cli')).toEqual(['acme:developers', 'acme:ops'])
    expect(await get('/-/org/acme/team')).toEqual([{ name: 'developers' }, { name: 'ops' }])
    expect(await get('/-/team/acme/ops/user?format=cli')).toEqual(['lee'])
    expect(await get('/-/team/acme/ops/user')).toEqual([{ name: 'lee' }])
    expect(await get('/-/team/acme/developers/user?format=cli')).toEqual(['ann', 'kim', 'lee'])
    expect((await team(kim, 'add', 'ops', 'lee')).status).toBe(201)
    expect((await team(kim, 'rm', 'ops', 'lee')).status).toBe(204)
    expect((await team(kim, 'rm', 'ops', 'lee')).status).toBe(204)
    expect(await get('/-/team/acme/ops/user?format=cli')).toEqual([])
    expect((await team(kim, 'destroy', 'ops')).status).toBe(204)
    expect((await team(kim, 'destroy', 'ops')).status).toBe(404)
    expect(await get('/-/org/acme/team?format=cli')).toEqual(['acme:developers'])
    expect((await lee.get('/-/team/acme/ops/user')).status).toBe(404)
  })

  test('have plain names, each of them once', async () => {
    await using app = await testApp({ engine })
    const { kim } = await acme(app)
    for (const name of ['ops', 'developers'])
      expect([name, (await team(kim, 'create', name)).status]).toEqual([name, 400])
    for (const name of ['', 'Ops', '-ops', 'o ps', 'ö', 'a/b', 'a:b', '..', 'x\0', 'x'.repeat(101)]) {
      const { status, json } = await team(kim, 'create', name)
      expect([name, status, json.error]).toEqual([name, 400, expect.stringContaining('use 1 to 100 of a-z')])
    }
    for (const name of ['a', '0', 'a.b_c-d', 'x'.repeat(100)])
      expect([name, (await team(kim, 'create', name)).status]).toEqual([name, 201])
    expect((await kim.send('PUT', '/-/org/acme/team', { body: {} })).status).toBe(400)
    expect((await kim.send('PUT', '/-/org/nowhere/team', { body: { name: 'ops' } })).status).toBe(404)
  })

  test('are the owners’ to change and the members’ to see', async () => {
    await using app = await testApp({ engine })
    const { kim, lee, ann, bob } = await acme(app)
    const root = await app.user('root', { admin: true })
    const lists = ['/-/org/acme/team', '/-/team/acme/ops/user', '/-/team/acme/ops/package']
    for (const path of lists) {
      for (const [who, status] of [
        [kim, 200],
        [lee, 200],
        [ann, 200],
        [root, 200],
        [bob, 403],
        [app.anonymous(), 401],
      ] as const)
        expect([path, who.name, (await who.get(path)).status]).toEqual([path, who.name, status])
    }
    for (const [who, status] of [
      [lee, 403],
      [bob, 403],
      [app.anonymous(), 401],
    ] as const) {
      const tried = [
        await team(who, 'create', 'more'),
        await team(who, 'add', 'ops', 'ann'),
        await team(who, 'rm', 'ops', 'lee'),
        await team(who, 'destroy', 'ops'),
      ]
      expect([who.name, ...tried.map((one) => one.status)]).toEqual([
        who.name,
        status,
        status,
        status,
        status,
      ])
    }
    expect((await team(lee, 'destroy', 'ops')).json.error).toBe('Only an owner of acme can change its teams.')
    expect((await team(root, 'add', 'ops', 'ann')).status).toBe(201)
    await kim.send('PUT', '/-/org/acme/user', { body: { user: 'ann', role: 'owner' } })
    expect((await team(ann, 'create', 'more')).status).toBe(201)
  })

  test('are made of members: others are to be invited first', async () => {
    await using app = await testApp({ engine })
    const { kim } = await acme(app)
    const why = async (user: string) => {
      const { status, json } = await team(kim, 'add', 'ops', user)
      return [status, json.error]
    }
    expect(await why('bob')).toEqual([400, expect.stringContaining('npm org set acme bob')])
    await kim.send('PUT', '/-/org/acme/user', { body: { user: 'bob' } })
    expect(await why('bob')).toEqual([400, expect.stringContaining('has not accepted yet')])
    expect(await why('nobody')).toEqual([404, 'Could not find "nobody"'])
    expect((await team(kim, 'add', 'absent', 'lee')).status).toBe(404)
  })

  test('lose who leaves the namespace, who does not find them again on coming back', async () => {
    await using app = await testApp({ engine })
    const { kim, lee } = await acme(app)
    await kim.publish('@kim/box', '1.0.0', { spoil: restricted })
    await grant(kim, 'acme:ops', { permissions: 'read-write' })
    expect((await lee.get(BOX)).status).toBe(200)
    await kim.send('DELETE', '/-/org/acme/user', { body: { user: 'lee' } })
    expect((await lee.get(BOX)).status).toBe(404)
    await join(app, 'acme', [kim, lee])
    expect((await lee.get(BOX)).status).toBe(404)
    expect((await lee.get('/-/team/acme/ops/user')).json).toEqual([])
  })

  test('"developers" is joined and left as the namespace is, and stays', async () => {
    await using app = await testApp({ engine })
    const { kim, ann } = await acme(app)
    expect((await team(kim, 'add', 'developers', 'bob')).status).toBe(201)
    expect(await app.registry.namespaces.members('acme')).toEqual(['ann', 'kim', 'lee'])
    expect((await team(kim, 'rm', 'developers', 'ann')).status).toBe(204)
    expect((await ann.get('/-/org/acme/team')).status).toBe(403)
    const { status, json } = await team(kim, 'destroy', 'developers')
    expect([status, json.error]).toEqual([403, expect.stringContaining('all members of acme')])
  })

  test('an act of an owner stands in the log', async () => {
    await using app = await testApp({ engine })
    const { kim } = await acme(app)
    await kim.publish('@kim/box', '1.0.0')
    await grant(kim, 'acme:ops', { permissions: 'read-only' })
    await grant(kim, 'acme:ops', { permissions: 'read-only' })
    await revoke(kim, 'acme:ops')
    await team(kim, 'rm', 'ops', 'lee')
    await team(kim, 'destroy', 'ops')
    const entries = (await app.registry.audit.list({ actor: 'kim' })).reverse()
    const told = entries.filter(({ action }) => action.startsWith('team.') || action === 'package.access')
    expect(told.map(({ action, subject, detail }) => [action, subject, detail])).toEqual([
      ['team.create', 'acme:ops', {}],
      ['team.add', 'acme:ops', { member: 'lee' }],
      ['package.access', '@kim/box', { granted: 'read', by: 'kim', team: 'acme:ops' }],
      ['package.access', '@kim/box', { revoked: 'read', by: 'kim', team: 'acme:ops' }],
      ['team.remove', 'acme:ops', { member: 'lee' }],
      ['team.destroy', 'acme:ops', {}],
    ])
    // The feed of a public package is everybody's to read; a team is its namespace's to know.
    const feed = (await app.anonymous().get('/v1/changes')).bytes.toString()
    expect(feed).toContain('"granted":"read"')
    expect(feed).not.toContain('acme:ops')
  })
})

onEveryEngine('a grant', (engine) => {
  test('to read is no right to change anything', async () => {
    await using app = await testApp({ engine })
    const { kim, lee } = await acme(app)
    await kim.publish('@kim/box', '1.0.0', { spoil: restricted })
    expect((await grant(kim, 'acme:ops', { permissions: 'read-only' })).status).toBe(200)
    const { _rev, versions } = (await lee.get(`${BOX}?write=true`)).json
    versions['1.0.0'].deprecated = 'no'
    const tried = {
      publish: await lee.publish('@kim/box', '1.1.0'),
      tag: await lee.send('PUT', `/-/package${BOX}/dist-tags/x`, { body: '"1.0.0"' }),
      deprecate: await lee.send('PUT', BOX, { body: { _id: '@kim/box', name: '@kim/box', versions } }),
      unpublish: await lee.send('DELETE', `${BOX}/-rev/${_rev}`),
      yank: await lee.send('DELETE', `${V1}/versions/1.0.0`),
      owner: await lee.send('PUT', `/-/package${BOX}/owners`, { body: { user: 'lee' } }),
      access: await lee.send('POST', `/-/package${BOX}/access`, { body: { access: 'public' } }),
      grant: await grant(lee, 'acme:ops', { permissions: 'read-write' }),
      revoke: await revoke(lee, 'acme:ops'),
      hook: await lee.send('POST', '/-/npm/v1/hooks/hook', {
        body: {
          type: 'package',
          name: '@kim/box',
          endpoint: 'https://elsewhere.example/',
          secret: 'a secret',
        },
      }),
    }
    expect(Object.entries(tried).map(([name, { status }]) => [name, status])).toEqual(
      Object.keys(tried).map((name) => [name, 403]),
    )
    expect(tried.publish.json.error).toBe('You are not a maintainer of "@kim/box"')
  })

  test('to write is a collaborator’s: versions, not people, teams or who may read', async () => {
    await using app = await testApp({ engine })
    const { kim, lee, ann } = await acme(app)
    await kim.publish('@kim/box', '1.0.0', { spoil: restricted })
    await grant(kim, 'acme:ops', { permissions: 'read-write' })
    for (const version of ['1.1.0', '1.2.0', '1.3.0'])
      expect((await lee.publish('@kim/box', version)).status).toBe(201)
    expect((await lee.publish('@kim/box', '1.4.0', { spoil: restricted })).status).toBe(201)
    const tag = await lee.send('PUT', `/-/package${BOX}/dist-tags/next`, { body: '"1.0.0"' })
    const { _rev, versions, ...document } = (await lee.get(`${BOX}?write=true`)).json
    versions['1.0.0'].deprecated = 'old'
    const deprecate = await lee.send('PUT', BOX, { body: { ...document, versions } })
    const yank = await lee.send('DELETE', `${V1}/versions/1.1.0`)
    expect([tag.status, deprecate.status, yank.status]).toEqual([201, 201, 200])
    const now = (await lee.get(`${BOX}?write=true`)).json
    const { '1.2.0': _gone, ...left } = now.versions
    const unpublish = { body: { ...now, versions: left } }
    expect((await lee.send('PUT', `${BOX}/-rev/${now._rev}`, unpublish)).status).toBe(201)
    const shown = (await kim.get(BOX)).json
    expect([
      Object.keys(shown.versions),
      shown.versions['1.0.0'].deprecated,
      shown['dist-tags'].next,
    ]).toEqual([['1.0.0', '1.3.0', '1.4.0'], 'old', '1.0.0'])
    const { _rev: rev } = shown
    const opening = (body: PublishDocument) => {
      body.access = 'public'
    }
    const tried = {
      owner: await lee.send('PUT', `/-/package${BOX}/owners`, { body: { user: 'lee' } }),
      access: await lee.send('POST', `/-/package${BOX}/access`, { body: { access: 'public' } }),
      'access by publishing': await lee.publish('@kim/box', '1.5.0', { spoil: opening }),
      '2fa': await lee.send('PUT', V1, { body: { require_tfa: true } }),
      grant: await grant(lee, 'acme:ops', { permissions: 'read-only' }),
      revoke: await revoke(lee, 'acme:ops'),
      trust: await lee.get(`/-/package${BOX}/trust`),
      invite: await lee.send('POST', `${V1}/maintainers/lee`),
      abandon: await lee.send('DELETE', V1),
      'unpublish whole': await lee.send('DELETE', `${BOX}/-rev/${rev}`),
    }
    expect(Object.entries(tried).map(([name, { status }]) => [name, status])).toEqual(
      Object.keys(tried).map((name) => [name, 403]),
    )
    expect(tried['access by publishing'].json.error).toContain('leave out --access')
    expect((await kim.get(`/-/package${BOX}/access`)).json.access).toBe('restricted')
    expect((await ann.publish('@kim/box', '1.6.0')).status).not.toBe(201)
  })

  test('is replaced by another and ends with its revoking, its team and its package', async () => {
    await using app = await testApp({ engine })
    const { kim, lee } = await acme(app)
    await kim.publish('@kim/box', '1.0.0', { spoil: restricted })
    const mayRead = async () => (await lee.get(BOX)).status === 200
    await grant(kim, 'acme:ops', { permissions: 'read-write' })
    expect((await lee.publish('@kim/box', '1.1.0')).status).toBe(201)
    await grant(kim, 'acme:ops', { permissions: 'read-only' })
    expect((await lee.publish('@kim/box', '1.2.0')).status).toBe(403)
    expect(await mayRead()).toBe(true)
    expect((await revoke(kim, 'acme:ops')).status).toBe(200)
    expect(await mayRead()).toBe(false)
    expect((await revoke(kim, 'acme:ops')).status).toBe(404)

    await grant(kim, 'acme:ops', { permissions: 'read-only' })
    await team(kim, 'destroy', 'ops')
    await team(kim, 'create', 'ops')
    await team(kim, 'add', 'ops', 'lee')
    expect([await mayRead(), await rowsOf(app)]).toEqual([false, { members: 1, grants: [] }])

    await grant(kim, 'acme:ops', { permissions: 'read-only' })
    const { _rev } = (await kim.get(`${BOX}?write=true`)).json
    expect((await kim.send('DELETE', `${BOX}/-rev/${_rev}`)).status).toBe(200)
    expect((await rowsOf(app)).grants).toEqual([])
    expect((await grant(kim, 'acme:ops', { permissions: 'read-only' })).status).toBe(404)
    await kim.publish('@kim/box', '2.0.0')
    expect(await mayRead()).toBe(false)

    await grant(kim, 'acme:ops', { permissions: 'read-write' })
    expect((await kim.send('DELETE', V1)).status).toBe(204)
    expect((await rowsOf(app)).grants).toEqual([])
    expect((await lee.publish('@kim/box', '2.1.0')).status).not.toBe(201)
  })

  test('is given by who manages the package, to a team of a namespace of theirs', async () => {
    await using app = await testApp({ engine })
    const { kim, lee, ann, bob } = await acme(app)
    const root = await app.user('root', { admin: true })
    await lee.publish('@lee/box', '1.0.0', { spoil: restricted })
    await bob.publish('@bob/box', '1.0.0', { spoil: restricted })
    await kim.publish('@acme/box', '1.0.0')
    const read = (name: string) => ({ permissions: 'read-only', name }) as const
    const tried = [
      // A plain member grants what is their own.
      [await grant(lee, 'acme:ops', read('@lee/box')), 200],
      [await grant(ann, 'acme:ops', read('@acme/box')), 200],
      // An owner of the team cannot take what is not theirs, nor hear that it exists.
      [await grant(kim, 'acme:ops', read('@lee/box')), 404],
      // Nor is a namespace's team somebody else's to use, whether it is there or not.
      [await grant(bob, 'acme:ops', read('@bob/box')), 403],
      [await grant(bob, 'acme:absent', read('@bob/box')), 403],
      [await grant(lee, 'acme:absent', read('@lee/box')), 404],
      [await grant(lee, 'nowhere:ops', read('@lee/box')), 404],
      [await grant(app.anonymous(), 'acme:ops', read('@lee/box')), 401],
      [await grant(root, 'acme:ops', read('@bob/box')), 200],
      [await grant(lee, 'acme:ops', read('@lee/absent')), 404],
    ] as const
    expect(tried.map(([{ status }]) => status)).toEqual(tried.map(([, status]) => status))
    const wrong = { body: { package: '@lee/box', permissions: 'all' } }
    expect((await lee.send('PUT', '/-/team/acme/ops/package', wrong)).json.error).toContain('"read-only" or')
  })

  test('is taken back by who manages the package and by the owners of the namespace, by nobody else', async () => {
    await using app = await testApp({ engine })
    const { kim, lee, ann, bob } = await acme(app)
    await lee.publish('@lee/box', '1.0.0', { spoil: restricted })
    await grant(lee, 'acme:ops', { permissions: 'read-only', name: '@lee/box' })
    for (const who of [ann, bob]) {
      // The same whether there is a grant or not, and a package or not.
      const refused = [
        await revoke(who, 'acme:ops', '@lee/box'),
        await revoke(who, 'acme:absent', '@lee/box'),
        await revoke(who, 'acme:ops', '@lee/absent'),
      ]
      expect(refused.map(({ status, json }) => [status, `${json.error}`.replace('absent', 'box')])).toEqual(
        Array(3).fill([404, 'Could not find "@lee/box"']),
      )
    }
    expect((await revoke(kim, 'acme:ops', '@lee/box')).status).toBe(200)
    expect((await rowsOf(app)).grants).toEqual([])
  })

  test('to read is forced upon nobody: "developers" of other namespaces are invited to maintain', async () => {
    await using app = await testApp({ engine })
    const { kim, bob } = await acme(app)
    const root = await app.user('root', { admin: true })
    await bob.publish('@bob/box', '1.0.0')
    const read = { permissions: 'read-only', name: '@bob/box' } as const
    const { status, json } = await grant(bob, 'acme:developers', read)
    expect([status, json.code, json.error]).toEqual([
      403,
      'FORBIDDEN',
      expect.stringContaining('that invites acme to be a maintainer'),
    ])
    expect((await kim.get('/-/team/acme/developers/package')).json).toEqual({})
    expect((await rowsOf(app)).grants).toEqual([])
    expect((await grant(bob, 'nowhere:developers', read)).status).toBe(404)
    expect((await grant(root, 'acme:developers', read)).status).toBe(200)
    expect((await kim.get('/-/team/acme/developers/package')).json).toEqual({ '@bob/box': 'read' })
  })

  test('to "developers" to write invites the namespace, whose members accept', async () => {
    await using app = await testApp({ engine })
    const { kim, bob } = await acme(app)
    await kim.publish('@kim/box', '1.0.0', { spoil: restricted })
    await grant(kim, 'bob:developers', { permissions: 'read-write' })
    expect((await bob.publish('@kim/box', '1.1.0')).status).toBe(403)
    await bob.send('POST', `${V1}/invitation/bob`)
    expect((await bob.publish('@kim/box', '1.1.0')).status).toBe(201)
    expect((await bob.get('/-/team/bob/developers/package')).json).toEqual({ '@kim/box': 'write' })
  })

  test('to "developers" by a member lets the namespace read, or makes it a maintainer, at once', async () => {
    await using app = await testApp({ engine })
    const { kim, bob } = await acme(app)
    await join(app, 'bob', [bob, kim])
    await kim.publish('@kim/box', '1.0.0', { spoil: restricted })
    const read = { permissions: 'read-only' } as const
    expect((await grant(kim, 'bob:developers', read)).status).toBe(200)
    expect((await bob.get(BOX)).status).toBe(200)
    expect((await bob.publish('@kim/box', '1.1.0')).status).toBe(403)
    expect((await bob.get('/-/team/bob/developers/package')).json).toEqual({ '@kim/box': 'read' })
    await grant(kim, 'bob:developers', { permissions: 'read-write' })
    expect((await bob.publish('@kim/box', '1.1.0')).status).toBe(201)
    const { status, json } = await grant(kim, 'bob:developers', read)
    expect([status, json.error]).toEqual([400, expect.stringContaining('bob maintains @kim/box')])
    expect((await revoke(kim, 'bob:developers')).status).toBe(200)
    expect((await bob.get(BOX)).status).toBe(404)
    expect((await rowsOf(app)).grants).toEqual([])
    await grant(kim, 'bob:developers', read)
    expect((await revoke(bob, 'bob:developers')).status).toBe(200)
    expect((await bob.get(BOX)).status).toBe(404)
    expect((await revoke(kim, 'bob:developers')).status).toBe(200)
  })

  test('to "developers" is every member’s, and nobody’s who is only invited', async () => {
    await using app = await testApp({ engine })
    const { kim, lee, ann, bob } = await acme(app)
    await kim.publish('@kim/box', '1.0.0', { spoil: restricted })
    await kim.send('PUT', '/-/org/acme/user', { body: { user: 'bob' } })
    await grant(kim, 'acme:developers', { permissions: 'read-only' })
    const seen = await Promise.all([lee, ann, bob].map((who) => who.get(BOX)))
    expect(seen.map(({ status }) => status)).toEqual([200, 200, 404])
    expect((await bob.get('/-/v1/search?text=box')).json.total).toBe(0)
    await bob.send('POST', '/v1/users/user/memberships/invitations/acme')
    expect((await bob.get(BOX)).status).toBe(200)
    expect((await bob.get('/-/v1/search?text=box')).json.total).toBe(1)
    // It is told once, whether it was granted something or not.
    expect((await kim.get('/-/org/acme/team?format=cli')).json).toEqual(['acme:developers', 'acme:ops'])
  })

  test('leaves a package of the namespace to one of its teams', async () => {
    await using app = await testApp({ engine })
    const { kim, lee, ann } = await acme(app)
    await kim.publish('@acme/box', '1.0.0', { spoil: restricted })
    const name = '@acme/box'
    expect((await ann.get('/@acme%2fbox')).status).toBe(200)
    const done = [
      await grant(kim, 'kim:developers', { permissions: 'read-write', name }),
      await revoke(kim, 'acme:developers', name),
      await grant(kim, 'acme:ops', { permissions: 'read-write', name }),
    ]
    expect(done.map(({ status }) => status)).toEqual([200, 200, 200])
    expect((await lee.publish(name, '1.1.0')).status).toBe(201)
    expect((await ann.get('/@acme%2fbox')).status).toBe(404)
    const refused = await ann.publish(name, '1.2.0')
    expect([refused.status, refused.json.error]).toEqual([404, 'Could not find "@acme/box"'])
    expect((await revoke(kim, 'kim:developers', name)).status).toBe(409)
  })

  test('is listed with what it allows, to those who may see the package', async () => {
    await using app = await testApp({ engine })
    const { kim, lee, ann, bob } = await acme(app)
    await kim.publish('@kim/box', '1.0.0', { spoil: restricted })
    await kim.publish('@kim/lid', '1.0.0')
    await grant(kim, 'acme:ops', { permissions: 'read-only' })
    await grant(kim, 'acme:ops', { permissions: 'read-write', name: '@kim/lid' })
    const all = { '@kim/box': 'read', '@kim/lid': 'write' }
    const seen = async (who: NpmUser, path: string) => (await who.get(path)).json
    expect(await seen(lee, '/-/team/acme/ops/package')).toEqual(all)
    expect(await seen(kim, '/-/team/acme/ops/package?format=cli')).toEqual(all)
    expect(await seen(ann, '/-/team/acme/ops/package')).toEqual({ '@kim/lid': 'write' })
    for (const path of ['/-/-/package?format=cli', '/-/user/lee/package', '/-/org/lee/package'])
      expect([path, await seen(lee, path)]).toEqual([path, all])
    for (const path of ['/-/user/lee/package', '/-/org/lee/package', '/-/org/acme/package'])
      expect([path, await seen(ann, path)]).toEqual([path, {}])
    const collaborators = (name: string) => `/-/package/@kim%2f${name}/collaborators`
    for (const who of [kim, lee])
      expect(await seen(who, collaborators('box'))).toEqual({ kim: 'write', lee: 'read' })
    expect(await seen(lee, `${collaborators('lid')}?format=cli`)).toEqual([
      { username: 'kim', user: 'kim', email: '', permissions: 'write' },
      { username: 'lee', user: 'lee', email: '', permissions: 'write' },
    ])
    // Who is in a team is not for everybody to know.
    for (const who of [ann, bob, app.anonymous()])
      expect(await seen(who, collaborators('lid'))).toEqual({ kim: 'write' })
    // Nor does it make an owner.
    expect((await seen(kim, '/@kim%2flid')).maintainers).toEqual([{ name: 'kim', email: '' }])
  })

  test('is bound by the limits of tokens, and read-only ones see the teams', async () => {
    await using app = await testApp({ engine })
    const { kim } = await acme(app)
    await kim.publish('@kim/box', '1.0.0', { spoil: restricted })
    await kim.publish('@kim/lid', '1.0.0', { spoil: restricted })
    for (const name of ['@kim/box', '@kim/lid'])
      await grant(kim, 'acme:ops', { permissions: 'read-write', name })
    const box = await tokenOf(app, 'lee', { packages: ['@kim/box'] })
    expect([(await box.get(BOX)).status, (await box.get('/@kim%2flid')).status]).toEqual([200, 404])
    expect((await box.publish('@kim/box', '1.1.0')).status).toBe(201)
    expect((await box.publish('@kim/lid', '1.1.0')).status).not.toBe(201)
    expect((await box.get('/-/-/package')).json).toEqual({ '@kim/box': 'write' })
    expect((await box.get('/-/v1/search?text=lid')).json.total).toBe(0)
    expect((await box.get('/-/org/acme/team')).status).toBe(403)
    const ours = await tokenOf(app, 'kim', { namespaces: ['acme'] })
    expect((await team(ours, 'create', 'more')).status).toBe(201)
    expect((await grant(ours, 'acme:more', { permissions: 'read-only' })).status).toBe(403)
    const own = await tokenOf(app, 'kim', { namespaces: ['kim'] })
    expect((await team(own, 'create', 'most')).status).toBe(403)
    expect((await grant(own, 'acme:more', { permissions: 'read-only' })).status).toBe(403)
    const reading = await tokenOf(app, 'lee', { access: 'read' })
    expect((await reading.get('/-/org/acme/team?format=cli')).json).toContain('acme:ops')
    expect((await reading.publish('@kim/box', '1.2.0')).status).toBe(403)
    expect((await team(await tokenOf(app, 'kim', { access: 'read' }), 'create', 'last')).status).toBe(403)
  })
})

onEveryEngine('at once', (engine) => {
  test('a team destroyed while it is granted something, and filled, leaves nothing behind', async () => {
    await using app = await testApp({ engine })
    const { kim, lee, ann } = await acme(app)
    await lee.publish('@lee/box', '1.0.0')
    await kim.send('PUT', '/-/org/acme/user', { body: { user: 'ann', role: 'owner' } })
    for (let round = 0; round < 5; round += 1) {
      const replies = await Promise.all([
        grant(lee, 'acme:ops', { permissions: 'read-write', name: '@lee/box' }),
        team(ann, 'destroy', 'ops'),
        team(kim, 'add', 'ops', 'ann'),
      ])
      expect(replies[1].status).toBe(204)
      expect([200, 404]).toContain(replies[0].status)
      expect([201, 404]).toContain(replies[2].status)
      expect(await rowsOf(app)).toEqual({ members: 0, grants: [] })
      await team(kim, 'create', 'ops')
    }
  })

  test('a member removed while they are added to a team is in none', async () => {
    await using app = await testApp({ engine })
    const { kim, ann } = await acme(app)
    for (let round = 0; round < 5; round += 1) {
      const [added, removed] = await Promise.all([
        team(kim, 'add', 'ops', 'ann'),
        kim.send('DELETE', '/-/org/acme/user', { body: { user: 'ann' } }),
      ])
      expect(removed.status).toBe(204)
      expect([201, 400]).toContain(added.status)
      expect((await rowsOf(app)).members).toBe(1)
      await join(app, 'acme', [kim, ann])
    }
  })

  test('a package unpublished while it is granted is granted to nobody', async () => {
    await using app = await testApp({ engine })
    const { kim } = await acme(app)
    for (let round = 0; round < 5; round += 1) {
      await kim.publish('@kim/box', `${round + 1}.0.0`)
      const { _rev } = (await kim.get(`${BOX}?write=true`)).json
      const [granted, gone] = await Promise.all([
        grant(kim, 'acme:ops', { permissions: 'read-write' }),
        kim.send('DELETE', `${BOX}/-rev/${_rev}`),
      ])
      // The grant raised the revision, or came too late.
      expect([
        [200, 409],
        [404, 200],
      ]).toContainEqual([granted.status, gone.status])
      const isLeft = (await kim.get(BOX)).status === 200
      expect((await rowsOf(app)).grants).toHaveLength(isLeft ? 1 : 0)
      if (isLeft) await revoke(kim, 'acme:ops')
    }
  })
})
