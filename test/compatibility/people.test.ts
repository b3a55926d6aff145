import { expect } from 'vitest'
import type { Client, ClientName } from '../clients/client.ts'
import { NPM, row } from './rows.ts'
import { fails, publishing, type Stage, works, writePackage } from './stage.ts'

const OWN_WORDS: readonly ClientName[] = ['pnpm', 'pnpm@12']

/** kim's client, and a package of kim's; lee has an account too. */
async function team(stage: Stage, name: ClientName) {
  const { app, wire, kim } = await stage.registry()
  const lee = await app.user('lee')
  await kim.publish('@kim/box', '1.0.0')
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
    const { app, lee, client } = await team(stage, name)
    const access = (...words: string[]) => works(client, 'access', ...words)
    await access('set', 'status=private', '@kim/box')
    expect(await access('get', 'status', '@kim/box')).toMatch(/private|restricted/)
    expect((await lee.get('/@kim%2fbox')).status).toBe(404)
    await access('set', 'status=public', '@kim/box')
    expect((await lee.get('/@kim%2fbox')).status).toBe(200)
    expect(await access('list', 'packages', '@kim')).toMatch(/@kim\/box.*write/)
    expect(await access('list', 'collaborators', '@kim/box')).toMatch(/kim.*write/)
    await access('grant', 'read-write', 'lee:developers', '@kim/box')
    // Nobody becomes a maintainer unasked.
    await lee.send('POST', `/v1/packages/package/kim@${app.host}/box/maintainers/lee/invitation`)
    expect((await lee.publish('@kim/box', '1.1.0')).status).toBe(201)
    await access('revoke', 'lee:developers', '@kim/box')
    expect((await lee.publish('@kim/box', '1.2.0')).status).toBe(403)
    const readOnly = await fails(client, 'access', 'grant', 'read-only', 'lee:developers', '@kim/box')
    expect(readOnly).toContain('read-write')
  },
)

row(
  {
    number: 91,
    statement: 'an organisation has one team, all its members: shown, joined and left; no other is made',
    clients: [...NPM, ...OWN_WORDS],
  },
  async (stage, name) => {
    const { kim, client } = await team(stage, name)
    const at = client.family === 'pnpm' ? '@kim' : 'kim'
    expect(await works(client, 'team', 'ls', at)).toContain('developers')
    expect(await works(client, 'team', 'ls', `${at}:developers`)).toContain('kim')
    await works(client, 'team', 'create', `${at}:developers`)
    await works(client, 'team', 'add', `${at}:developers`, 'lee')
    await works(client, 'team', 'rm', `${at}:developers`, 'lee')
    expect(await fails(client, 'team', 'create', `${at}:ops`)).toContain('There are no teams but')
    expect(await fails(client, 'team', 'destroy', `${at}:developers`)).toContain('is all members of kim')
    expect((await kim.get('/-/team/kim/developers/user?format=cli')).json).toEqual(['kim'])
  },
)

row(
  {
    number: 92,
    statement: 'members of an organisation are invited, shown and removed',
    clients: NPM,
  },
  async (stage, name) => {
    const { app, client, lee } = await team(stage, name)
    await works(client, 'org', 'set', 'kim', 'lee')
    const member = (await app.registry.accounts.find('lee')) ?? expect.fail('lee has an account')
    expect(await works(client, 'org', 'ls', 'kim')).not.toContain('lee')
    await app.registry.namespaces.accept({ kind: 'user', ...member, admin: false, mayPublish: true }, 'kim')
    expect(await works(client, 'org', 'ls', 'kim')).toMatch(/lee.*developer/)
    expect((await lee.publish('@kim/box', '1.1.0')).status).toBe(201)
    await works(client, 'org', 'rm', 'kim', 'lee')
    expect((await lee.publish('@kim/box', '1.2.0')).status).toBe(403)
  },
)

row(
  { number: 93, statement: 'pnpm owner adds, lists and removes', clients: OWN_WORDS },
  async (stage, name) => {
    const { client, lee } = await team(stage, name)
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
    const { kim, client } = await team(stage, name)
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
