import { expect } from 'vitest'
import type { ClientName } from '../clients/client.ts'
import { BuildServer } from '../support/build-server.ts'
import { row } from './rows.ts'
import { fails, publishing, type Stage, works, writePackage } from './stage.ts'

/** npm 10 and pnpm 10 know nothing of it, nor do Yarn 1 and Bun. */
const CLIENTS: readonly ClientName[] = ['npm', 'npm@12', 'pnpm', 'pnpm@12', 'berry']
const RULE = {
  type: 'github',
  claims: { repository: 'kim/box', workflow_ref: { file: 'publish.yml' } },
  permissions: ['createPackage'],
}

/** A package that trusts the builds of a server, and a client without a token in a job of that server. */
async function inBuild(stage: Stage, name: ClientName, builds: BuildServer, path = '') {
  const issuers = [{ type: 'github', url: builds.url }] as const
  const { app, wire, kim } = await stage.registry({ issuers })
  await kim.publish('@kim/box', '1.0.0')
  await kim.send('POST', '/-/package/@kim%2fbox/trust', { body: [RULE] })
  const client = await stage.client(name, wire, { path })
  Object.assign(client.variables, builds.environment)
  await writePackage(client, { name: '@kim/box', version: '1.1.0' })
  return { app, wire, kim, client, publish: publishing(client) }
}

row(
  { number: 79, statement: 'a build that the package trusts publishes without a token', clients: CLIENTS },
  async (stage, name) => {
    for (const path of ['', '/npm']) {
      await using builds = await BuildServer.start()
      const { app, wire, kim, client, publish } = await inBuild(stage, name, builds, path)
      await works(client, ...publish)
      expect(wire.lines(/^POST .*oidc\/token\/exchange/)).toHaveLength(1)
      const { _npmUser } = (await kim.get('/@kim%2fbox/1.1.0')).json
      expect(_npmUser).toMatchObject({ name: 'kim', trustedPublisher: { id: 'github' } })
      builds.claims = { ...builds.claims, repository: 'eve/box' }
      await writePackage(client, { name: '@kim/box', version: '1.2.0' })
      await fails(client, ...publish)
      const [refused] = await app.registry.audit.list({ action: 'trust.refuse' })
      expect(refused?.detail).toMatchObject({ why: expect.stringContaining('repository is "eve/box"') })
    }
  },
)

row(
  {
    number: 80,
    statement: 'a build is believed whether its token names the host or the host and its port',
    clients: ['npm', 'npm@12', 'berry'],
  },
  async (stage, name) => {
    await using builds = await BuildServer.start()
    const { wire, kim, client } = await inBuild(stage, name, builds)
    await works(client, ...publishing(client))
    const { host, hostname } = new URL(wire.url)
    expect(builds.audiences).toEqual([`npm:${client.family === 'berry' ? host : hostname}`])
    expect((await kim.get('/@kim%2fbox/1.1.0')).json._npmUser.trustedPublisher.id).toBe('github')
  },
)

row(
  { number: 81, statement: 'a trusted build sets a dist-tag without a token', clients: ['npm@12'] },
  async (stage, name) => {
    await using builds = await BuildServer.start()
    const { kim, client } = await inBuild(stage, name, builds)
    await works(client, 'dist-tag', 'add', '@kim/box@1.0.0', 'next')
    expect((await kim.get('/-/package/@kim%2fbox/dist-tags')).json.next).toBe('1.0.0')
  },
)

const UUID = '2f0ab3c4-52e4-4b31-8e12-6c7de9b6a0d1'
const RULES = [
  ['github', '--file', 'publish.yml', '--repo', 'kim/box', '--env', 'prod'],
  ['gitlab', '--file', '.gitlab-ci.yml', '--project', 'kim/box'],
  [
    ...['circleci', '--org-id', UUID, '--project-id', UUID, '--pipeline-definition-id', UUID],
    ...['--vcs-origin', 'github.com/kim/box'],
  ],
] as const

row(
  { number: 82, statement: 'npm trust adds, lists and revokes trusted builds', clients: ['npm', 'npm@12'] },
  async (stage, name) => {
    const { wire, kim } = await stage.registry()
    await kim.publish('@kim/box', '1.0.0')
    const client = await stage.client(name, wire, { token: kim.token })
    for (const [type, ...flags] of RULES) {
      await works(client, 'trust', type, '@kim/box', ...flags, '--allow-publish', '--yes')
      expect(await works(client, 'trust', 'list', '@kim/box')).toContain(type)
      const [{ id }] = (await kim.get('/-/package/@kim%2fbox/trust')).json as unknown as [{ id: string }]
      expect(await works(client, 'trust', 'list', '@kim/box')).toContain(id)
      await works(client, 'trust', 'revoke', '@kim/box', `--id=${id}`)
      expect(await works(client, 'trust', 'list', '@kim/box')).toContain('No trust configurations')
    }
  },
)
