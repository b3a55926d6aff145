import { isDeepStrictEqual } from 'node:util'
import { expect, test } from 'vitest'
import { routes } from '../../src/server/entropic/routes.ts'
import type { Reads } from '../../src/server/npm/read.ts'
import { npmRoutes } from '../../src/server/npm/routes.ts'
import { type TestApp, testApp } from '../support/app.ts'
import { BuildServer } from '../support/build-server.ts'
import { NpmUser, publishDocument } from '../support/npm-user.ts'
import { withFactor } from '../support/second-factor.ts'

type Row = { readonly method: string; readonly path: string }

/** lee's private package, which max is invited to maintain; and the one that never was. */
const [PRIVATE, ABSENT] = ['secret', 'absent']
/** Where the package is named elsewhere than in the path that the row gives. */
const ELSEWHERE: readonly Row[] = [
  { method: 'PUT', path: '/-/user/v1/star' },
  { method: 'DELETE', path: '/-/user/v1/star' },
  { method: 'POST', path: '/-/npm/v1/hooks/hook' },
  { method: 'PUT', path: '/-/team/kim/developers/package' },
  { method: 'DELETE', path: '/-/team/kim/developers/package' },
  { method: 'GET', path: '/-/npm/v1/hooks?package=:name' },
  { method: 'GET', path: '/-/stage?package=:name' },
  { method: 'GET', path: '/-/npm/v1/attestations/:name@1.0.0' },
]

test('no answer of any door tells whether a package is there that one may not read', async () => {
  await using builds = await BuildServer.start()
  await using app = await testApp({ issuers: [{ type: 'github', url: builds.url }] })
  const rows = [...npmRows(app), ...entropicRows(), ...ELSEWHERE]
  const { kim, ...others } = await strangers(app, builds)
  const told: object[] = []
  const compare = async (who: string, stranger: NpmUser) => {
    for (const row of rows) {
      const [hidden, absent] = await Promise.all([
        answers(stranger, row, PRIVATE),
        answers(stranger, row, ABSENT),
      ])
      if (!isDeepStrictEqual(hidden, absent)) told.push({ who, ...row, hidden, absent })
    }
  }
  for (const [who, stranger] of Object.entries({ kim, ...others })) await compare(who, stranger)
  await withFactor(app, 'auth-and-writes')
  await compare('kim with a second factor', kim)
  expect(told).toEqual([])
})

/** kim, who is nobody to lee's package, by every kind of token; and somebody without an account. */
async function strangers(app: TestApp, builds: BuildServer) {
  const [kim, lee] = [await app.user('kim'), await app.user('lee'), await app.user('max')]
  await lee.publish(`@lee/${PRIVATE}`, '1.0.0', {
    spoil: (it) => Object.assign(it, { access: 'restricted' }),
  })
  const invited = await lee.send('POST', `/v1/packages/package/lee/${PRIVATE}/maintainers/max`)
  await kim.publish('@kim/box', '1.0.0')
  const claims = { repository: 'kim/box', workflow_ref: { file: 'publish.yml' } }
  const rule = { type: 'github', claims, permissions: ['createPackage'] }
  const trusted = await kim.send('POST', '/-/package/@kim%2fbox/trust', { body: [rule] })
  const exchange = '/-/npm/v1/oidc/token/exchange/package/@kim%2fbox'
  const { json } = await new NpmUser(app.url, 'a build', await builds.token()).send('POST', exchange)
  expect([invited.status, trusted.status, json.token]).toEqual([200, 201, expect.any(String)])
  const token = async (grant: { access: 'read' | 'publish'; packages?: string[] }) => {
    const { secret } = await app.registry.tokens.issue({ accountName: 'kim', description: '', ...grant })
    return new NpmUser(app.url, 'kim', secret)
  }
  return {
    kim,
    limited: await token({ access: 'publish', packages: ['@kim/box'] }),
    reading: await token({ access: 'read' }),
    build: new NpmUser(app.url, 'a build', json.token),
    nobody: app.anonymous(),
  }
}

/** Every row of npm's door that names a package in its path. */
function npmRows({ registry }: TestApp): Row[] {
  const { stack } = npmRoutes({ registry, reads: {} as Reads, signUp: false }) // no row is asked here
  return stack.flatMap(({ methods, path }) =>
    String(path).includes(':name')
      ? methods.filter((it) => it !== 'HEAD').map((method) => ({ method, path: String(path) }))
      : [],
  )
}

function entropicRows(): Row[] {
  return routes
    .filter(({ path }) => path.includes(':name/') || path.endsWith(':name'))
    .map(({ method, path }) => ({ method, path: `/v1${path}` }))
}

/** What is said to whatever might be sent there, with the package's name taken out. */
async function answers(stranger: NpmUser, { method, path }: Row, name: string) {
  const npmName = `@lee/${name}`
  const params = {
    namespace: 'lee',
    name: path.startsWith('/v1/') ? name : `@lee%2f${name}`,
    version: '1.0.0',
    tag: 'latest',
    file: `${name}-1.0.0.tgz`,
    rev: '1-00000000000000000000000000000000',
    period: 'last-week',
    user: 'kim',
  }
  const object = {
    ...{ user: 'kim', access: 'public', yanked: true, version: '1.0.0', maintainers: [{ name: 'kim' }] },
    ...{ package: npmName, permissions: 'read-write', type: 'package', name: npmName, secret: 'hush' },
    endpoint: 'http://127.0.0.1:9/',
  }
  const isPublish = /^\/(?::name|-\/stage\/package\/:name)$/.test(path)
  const document = isPublish ? await publishDocument(npmName, '1.0.0') : object
  const body = path.endsWith('/:tag') ? '"1.0.0"' : document
  const said: object[] = []
  for (const member of path.includes(':member') ? ['kim', 'max'] : ['']) {
    const values: Record<string, string> = { ...params, member }
    const address = path.replaceAll(
      /:(\w+)/g,
      (_, key) => values[key] ?? '00000000-0000-4000-8000-000000000000',
    )
    const headers = { 'content-type': 'application/json' }
    const { status, bytes } = await stranger.send(method, address, method === 'GET' ? {} : { body, headers })
    said.push({ status, text: bytes.toString().replaceAll(name, 'NAME') })
  }
  return said
}
