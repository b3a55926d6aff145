import { expect } from 'vitest'
import type { Client, ClientName } from '../clients/client.ts'
import { join } from '../support/join.ts'
import { team } from '../support/teams.ts'
import { NPM, row } from './rows.ts'
import { fails, publishing, type Stage, works, writePackage } from './stage.ts'

const OWN_WORDS: readonly ClientName[] = ['pnpm', 'pnpm@12']

/** kim's client, and a package of kim's; lee has an account too, and is with kim in the namespace acme. */
async function people(stage: Stage, name: ClientName) {
  const { app, wire, kim } = await stage.registry()
  const lee = await app.user('lee')
  await kim.publish('@kim/box', '1.0.0')
  await kim.send('POST', '/v1/namespaces', { body: { name: 'acme' } })
  await join(app, 'acme', [kim, lee])
  const client = await stage.client(name, wire, { token: kim.token })
  return { app, wire, kim, lee, client }
}

row(
  {
    number: 90,
    statement: 'access is shown, changed, granted and taken, in the shapes of npm and of pnpm',
    clients: [...NPM, ...OWN_WORDS],
  },
  async (stage, name) => {
    const { app, kim, lee, client } = await people(stage, name)
    const access = (...words: string[]) => works(client, 'access', ...words)
    const read = async () => (await lee.get('/@kim%2fbox')).status
    const publish = async (version: string) => (await lee.publish('@kim/box', version)).status
    await access('set', 'status=private', '@kim/box')
    expect(await access('get', 'status', '@kim/box')).toMatch(/private|restricted/)
    expect(await access('list', 'packages', '@kim')).toMatch(/@kim\/box.*write/)
    expect(await access('list', 'collaborators', '@kim/box')).toMatch(/kim.*write/)
    await team(kim, 'create', 'ops')
    await team(kim, 'add', 'ops', 'lee')
    expect([await read(), await publish('1.1.0')]).toEqual([404, 403])
    await access('grant', 'read-only', 'acme:ops', '@kim/box')
    expect([await read(), await publish('1.1.0')]).toEqual([200, 403])
    expect(await access('list', 'packages', 'acme:ops')).toMatch(/@kim\/box.*read/)
    expect(await access('list', 'collaborators', '@kim/box')).toMatch(/kim.*write[\s\S]*lee.*read/)
    await access('grant', 'read-write', 'acme:ops', '@kim/box')
    expect([await read(), await publish('1.1.0')]).toEqual([200, 201])
    expect(await access('list', 'packages', 'acme:ops')).toMatch(/@kim\/box.*write/)
    expect(await access('list', 'collaborators', '@kim/box')).toMatch(/kim.*write[\s\S]*lee.*write/)
    await access('revoke', 'acme:ops', '@kim/box')
    expect([await read(), await publish('1.2.0')]).toEqual([404, 403])
    await access('grant', 'read-only', 'acme:developers', '@kim/box')
    expect([await read(), await publish('1.2.0')]).toEqual([200, 403])
    expect(await fails(client, 'access', 'grant', 'read-only', 'lee:developers', '@kim/box')).toContain(
      'invites lee to be a maintainer',
    )
    await access('revoke', 'acme:developers', '@kim/box')
    // Nobody becomes a maintainer unasked.
    await access('grant', 'read-write', 'lee:developers', '@kim/box')
    expect(await publish('1.2.0')).toBe(403)
    await lee.send('POST', `/v1/packages/package/kim@${app.host}/box/maintainers/lee/invitation`)
    expect(await publish('1.2.0')).toBe(201)
    await access('revoke', 'lee:developers', '@kim/box')
    expect(await read()).toBe(404)
    await access('set', 'status=public', '@kim/box')
    expect(await read()).toBe(200)
  },
)

row(
  {
    number: 91,
    statement:
      'teams of an organisation are made, filled, shown, emptied and destroyed; "developers", all its members, stays',
    clients: [...NPM, ...OWN_WORDS],
  },
  async (stage, name) => {
    const { app, client } = await people(stage, name)
    await app.user('bob')
    const at = client.family === 'pnpm' ? '@acme' : 'acme'
    const list = (which = at) => works(client, 'team', 'ls', which)
    // pnpm 12 breaks sentences into lines of a box.
    const refused = async (...words: string[]) =>
      (await fails(client, 'team', ...words)).replaceAll(/[\s│]+/g, ' ')
    await works(client, 'team', 'create', `${at}:ops`)
    expect(await list()).toMatch(/developers[\s\S]*ops/)
    expect(await list(`${at}:developers`)).toMatch(/kim[\s\S]*lee/)
    await works(client, 'team', 'add', `${at}:ops`, 'lee')
    expect(await list(`${at}:ops`)).toContain('lee')
    expect(await refused('create', `${at}:ops`)).toContain('is there already')
    expect(await refused('add', `${at}:ops`, 'bob')).toContain('bob is no member of acme')
    await works(client, 'team', 'rm', `${at}:ops`, 'lee')
    expect(await list(`${at}:ops`)).not.toContain('lee')
    await works(client, 'team', 'destroy', `${at}:ops`)
    expect(await list()).not.toContain('ops')
    expect(await refused('destroy', `${at}:developers`)).toContain('is all members of acme')
    await works(client, 'team', 'rm', `${at}:developers`, 'lee')
    expect(await list(`${at}:developers`)).not.toContain('lee')
  },
)

row(
  {
    number: 92,
    statement: 'members of an organisation are invited, shown and removed, out of its teams too',
    clients: NPM,
  },
  async (stage, name) => {
    const { app, client, kim } = await people(stage, name)
    const max = await app.user('max')
    await works(client, 'org', 'set', 'acme', 'max')
    expect(await works(client, 'org', 'ls', 'acme')).not.toContain('max')
    await max.send('POST', '/v1/users/user/memberships/invitations/acme')
    expect(await works(client, 'org', 'ls', 'acme')).toMatch(/max.*developer/)
    await team(kim, 'create', 'ops')
    await team(kim, 'add', 'ops', 'max')
    await works(client, 'access', 'grant', 'read-write', 'acme:ops', '@kim/box')
    expect((await max.publish('@kim/box', '1.1.0')).status).toBe(201)
    await works(client, 'org', 'rm', 'acme', 'max')
    expect((await max.publish('@kim/box', '1.2.0')).status).toBe(403)
    expect((await kim.get('/-/team/acme/ops/user')).json).toEqual([])
  },
)

row(
  { number: 93, statement: 'pnpm owner adds, lists and removes', clients: OWN_WORDS },
  async (stage, name) => {
    const { client, lee } = await people(stage, name)
    await works(client, 'owner', 'add', '@kim/box', 'lee')
    expect(await works(client, 'owner', 'ls', '@kim/box')).toMatch(/kim[\s\S]*lee/)
    expect((await lee.publish('@kim/box', '1.1.0')).status).toBe(201)
    await works(client, 'owner', 'rm', '@kim/box', 'lee')
    expect((await lee.publish('@kim/box', '1.2.0')).status).toBe(403)
  },
)

const release = async (client: Client, version: string) => {
  await writePackage(client, { name: '@kim/case', version })
  await works(client, ...publishing(client))
}

row(
  {
    number: 94,
    statement:
      'a scoped package is restricted where the client asks for it, and stays as it was made later on',
    clients: ['berry', 'yarn'],
  },
  async (stage, name) => {
    const { kim, client } = await people(stage, name)
    await release(client, '1.0.0')
    const access = async () => (await kim.get('/-/package/@kim%2fcase/access')).json.access
    expect(await access()).toBe(client.family === 'berry' ? 'restricted' : 'public')
    await kim.send('POST', '/-/package/@kim%2fcase/access', { body: { access: 'restricted' } })
    if (client.family === 'yarn') await release(client, '1.1.0')
    // What most clients send where nothing is asked for.
    expect((await kim.publish('@kim/case', '1.2.0')).status).toBe(201)
    expect(await access()).toBe('restricted')
  },
)
