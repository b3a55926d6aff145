import { fromNpmName } from '../../src/base/name.ts'
import { dayOf } from '../../src/base/time.ts'
import type { User } from '../../src/registry/model.ts'
import type { ProviderConfig } from '../../src/server/web/account/providers.ts'
import { addDayFigures, addDownloads } from '../../src/storage/tables/downloads.ts'
import { type TestApp, type TestAppOptions, testApp } from './app.ts'
import { type Cookie, loggedIn } from './browser.ts'
import type { NpmUser } from './npm-user.ts'
import { attest } from './provenance.ts'
import { type ScriptedUpstream, startUpstream } from './upstream.ts'

const README = `# box

Keep *things* in boxes, and find them again. [Read more](docs/guide.md).

![the logo](logo.svg) ![build](https://elsewhere.example/badge.svg)

## Use

\`\`\`js
import { box } from '@kim/box'

const shelf = box({ wide: 3, high: 2, lid: 'a lid that is long enough to leave a narrow screen on its right side' })
shelf.put('hat')
\`\`\`

| Option | Meaning | Default |
| ------ | ------- | ------- |
| \`wide\` | How many things fit beside each other | 1 |
| \`high\` | How many things fit on top of each other | 1 |

- [x] Boxes
- [ ] Lids

> A box is a promise about what is inside.
`

const LOGO =
  '<svg xmlns="http://www.w3.org/2000/svg" width="120" height="40"><rect width="120" height="40" rx="6" fill="#a8380f"/></svg>'

const source = (version: string, more = '') => `/** What a box can be told. */
const defaults = { wide: 1, high: 1 }

/**
 * Makes a box.
 * @version ${version}
 */
export function box(options = {}) {
  const { wide, high } = { ...defaults, ...options }
  const things = new Map()
  return {
    put(thing) {
      if (things.size >= wide * high) throw new Error(\`The box is full: \${things.size} of \${wide * high}\`)
      things.set(thing, Date.now())
    },${more}
  }
}
`

const files = (version: string, more = '') => ({
  'README.md': README,
  'index.js': source(version, more),
  'docs/guide.md': '# Guide\n\nPut things in. Take them out.\n',
  'logo.svg': LOGO,
  LICENSE: 'Do as you like.\n',
})

/** Somebody who looks at pages, by name of the page. */
export type Onlooker = {
  /** Of the account, nobody's where absent; the password is the name with `-password`. */
  readonly name?: string
  readonly cookies: readonly Cookie[]
  readonly pages: Readonly<Record<string, string>>
}

export type Showcase = AsyncDisposable & {
  readonly app: TestApp
  readonly admin: readonly Cookie[]
  /** Together they see every page. */
  readonly onlookers: readonly Onlooker[]
}

/** A registry with something to see on every page, and an upstream it mirrors one package of. */
export async function showcase(
  options: Pick<TestAppOptions, 'engine' | 'publicUrl' | 'trustProxy'> = {},
): Promise<Showcase> {
  await using opening = new AsyncDisposableStack()
  const upstream = opening.use(await startUpstream())
  await fillUpstream(upstream)
  const app = opening.use(await testApp({ ...options, upstream: upstream.url, providers }))
  const kim = await app.user('kim', { admin: true })
  await publishBoxes(kim, await app.user('lee'))
  await app.registry.namespaces.create(await callerOf(app, 'lee'), 'boxes')
  await app.registry.namespaces.invite(await callerOf(app, 'lee'), 'boxes', 'kim')
  await app.registry.accounts.add({ name: 'max', password: 'max-password' })
  await fillTeams(app)
  await app.anonymous().get('/left-pad', { 'npm-command': 'install' })
  await app.anonymous().get('/left-pad/-/left-pad-1.3.0.tgz', { 'npm-command': 'install' })
  await linkGithub(app)
  await fillDays(app)
  const admin = await loggedIn(app, 'kim')
  const onlookers = [
    { name: 'kim', cookies: admin, pages: { ...pages, ...(await questions(app)) } },
    { name: 'max', cookies: await loggedIn(app, 'max'), pages: newcomersPages },
    { cookies: [], pages: strangersPages },
  ]
  const opened = opening.move()
  return { app, admin, onlookers, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

/** The namespace shelves, kim's: lee and max are in it, and in a team that may read and publish what is kim's. */
async function fillTeams(app: TestApp): Promise<void> {
  const { namespaces, teams, grants } = app.registry
  const kim = await callerOf(app, 'kim')
  const namespace = 'shelves'
  await namespaces.create(kim, namespace)
  for (const name of ['lee', 'max']) {
    await namespaces.invite(kim, namespace, name)
    await namespaces.accept(await callerOf(app, name), namespace)
  }
  const team = { namespace, team: 'carpenters' }
  await teams.create(kim, team)
  await teams.create(kim, { namespace, team: 'polishers' })
  await teams.add(kim, team, 'lee')
  await grants.give(kim, team, { name: fromNpmName('@kim/box'), permission: 'write' })
  await grants.give(kim, team, { name: fromNpmName(LONG_NAME), permission: 'read' })
}

/** Nobody goes there. */
const providers: readonly ProviderConfig[] = [
  {
    kind: 'github',
    id: 'github',
    title: 'GitHub',
    client: 'app',
    secret: 'hush',
    site: 'https://github.example',
    api: 'https://api.github.example',
  },
  {
    kind: 'oidc',
    id: 'gitlab',
    title: 'GitLab',
    client: 'app',
    secret: 'hush',
    issuer: 'https://gitlab.example',
  },
]

async function linkGithub(app: TestApp): Promise<void> {
  const kim = await callerOf(app, 'kim')
  const profile = { provider: 'github', subject: '7', name: 'kim-of-boxes', email: '', token: undefined }
  await app.registry.identities.link(kim, profile, { actor: 'kim', address: '127.0.0.1' })
}

/** A month of counts, with quiet days in it. */
async function fillDays(app: TestApp): Promise<void> {
  const today = dayOf(Date.now())
  const { id: package_id } = await app.storage.sql.read
    .selectFrom('package')
    .select('id')
    .where('npm_name', '=', '@kim/box')
    .executeTakeFirstOrThrow()
  const month = Array.from({ length: 29 }, (_, at) => ({ day: today - 29 + at, busy: (at * 37) % 101 }))
  await app.storage.sql.transaction(async (tx) => {
    await addDownloads(
      tx,
      month.map(({ day, busy }) => ({ package_id, day, version: '1.1.0', count: busy % 7 === 3 ? 0 : busy })),
    )
    await addDayFigures(
      tx,
      month.flatMap(({ day, busy }, at) => [
        { day, name: 'hits', value: busy * 40 },
        { day, name: 'misses', value: 300 - at * 10 },
        { day, name: 'served-bytes', value: busy * 2_000_000 },
        { day, name: 'fetched-bytes', value: (300 - at * 10) * 50_000 },
        { day, name: 'version-bytes', value: 20_000_000 + at * 1_900_000 },
        { day, name: 'stored-bytes', value: 20_000_000 + at * 1_100_000 },
      ]),
    )
  })
}

/** What a command line asks, on pages that are there once. */
async function questions(app: TestApp): Promise<Record<string, string>> {
  const kim = await callerOf(app, 'kim')
  const waiting = { description: 'kims-laptop', address: '127.0.0.1', agent: 'npm/12.0.0 node/v24.0.0 linux' }
  const login = await app.registry.logins.begin(waiting)
  const otp = await app.registry.logins.beginOtp(kim, { ...waiting, description: 'publish @kim/box' })
  return {
    'allow-computer': `/www/login/confirm?id=${login.id}`,
    'confirm-factor': `/www/login/confirm?id=${otp.id}`,
  }
}

export async function callerOf(app: TestApp, name: string): Promise<User> {
  const account = await app.registry.accounts.find(name)
  if (!account) throw new Error(`there is no ${name}`)
  return { kind: 'user', id: account.id, name, admin: account.admin, mayPublish: true }
}

async function fillUpstream(upstream: ScriptedUpstream): Promise<void> {
  for (const [version, time] of [
    ['1.2.0', '2018-02-05T00:00:00.000Z'],
    ['1.3.0', '2018-04-09T00:00:00.000Z'],
  ] as const)
    await upstream.publish('left-pad', version, {
      time,
      manifest: { description: 'Pads a string on its left', license: 'WTFPL' },
      files: { 'README.md': '# left-pad\n\nPads.\n', 'index.js': 'module.exports = pad\n' },
    })
}

async function publishBoxes(kim: NpmUser, lee: NpmUser): Promise<void> {
  const common = {
    description: 'Keep things in boxes, and find them again',
    keywords: ['box', 'storage', 'shelf'],
    license: 'MIT',
    homepage: 'https://boxes.example/',
    repository: { type: 'git', url: 'git+https://git.example/kim/box.git' },
  }
  await kim.publish('@kim/box', '1.0.0', {
    manifest: { ...common, readme: README },
    files: files('1.0.0'),
  })
  await kim.publish('@kim/box', '1.1.0', {
    manifest: { ...common, dependencies: { 'left-pad': '^1.3.0' } },
    files: files('1.1.0', '\n    size: () => things.size,'),
    spoil: (document) => attest(document, { predicateType: 'https://slsa.dev/provenance/v1' }),
  })
  await kim.publish('@kim/box', '2.0.0-beta.1', {
    tag: 'next',
    manifest: {
      ...common,
      dependencies: { 'left-pad': '^1.3.0', '@lee/lid': '1' },
      scripts: { postinstall: 'node build.js --fast' },
    },
    files: { ...files('2.0.0-beta.1', '\n    empty: () => things.clear(),'), 'build.js': 'console.log(1)\n' },
  })
  await lee.publish('@lee/lid', '1.0.0', {
    manifest: { description: 'Lids for boxes', dependencies: { '@kim/box': '^1.0.0' } },
  })
  await kim.publish(LONG_NAME, '1.0.0-and-a-version-that-goes-on.20260101120000', {
    manifest: {
      description: `Goes on ${'and-on-'.repeat(30)} ${'and on '.repeat(30)}`,
      keywords: Array.from({ length: 20 }, (_, n) => `another-keyword-${n}`),
    },
  })
}

const LONG_NAME = '@kim/a-package-with-a-name-that-goes-on-and-on-until-no-telephone-is-wide-enough-for-it'

/** Every page with something on it, as an administrator sees it. */
export const pages: Readonly<Record<string, string>> = {
  home: '/',
  search: '/www/search?q=box',
  'search-all': '/www/search',
  'search-nothing': '/www/search?q=zeppelin',
  package: '/www/package/@kim/box',
  'package-beta': '/www/package/@kim/box/v/2.0.0-beta.1',
  'package-mirrored': '/www/package/left-pad',
  'package-long-name': `/www/package/${LONG_NAME}`,
  versions: '/www/package/@kim/box/versions',
  dependencies: '/www/package/@kim/box/dependencies',
  files: '/www/package/@kim/box/v/1.1.0/files',
  file: '/www/package/@kim/box/v/1.1.0/files/index.js',
  'file-picture': '/www/package/@kim/box/v/1.1.0/files/logo.svg',
  diff: '/www/package/@kim/box/diff?from=1.0.0&to=2.0.0-beta.1',
  namespace: '/www/namespace/kim',
  'namespace-teams': '/www/namespace/shelves',
  team: '/www/namespace/shelves/team/carpenters',
  'team-empty': '/www/namespace/shelves/team/polishers',
  'team-everybody': '/www/namespace/shelves/team/developers',
  'namespace-legacy': '/www/namespace/legacy',
  user: '/www/user/kim',
  account: '/www/account',
  'account-tokens': '/www/tokens',
  'account-second-factor': '/www/account/second-factor',
  'account-log': '/www/account/log',
  invitations: '/www/invitations',
  admin: '/www/admin',
  'admin-users': '/www/admin/users',
  'admin-namespaces': '/www/admin/namespaces',
  'admin-mirror': '/www/admin/mirror',
  'admin-storage': '/www/admin/storage',
  'admin-policy': '/www/admin/policy?spec=left-pad@1.3.0',
  'admin-health': '/www/admin/health',
  'admin-audit': '/www/admin/audit',
  'not-here': '/www/package/@kim/nothing',
}

/** Where one has nothing yet, and may do little. */
const newcomersPages: Readonly<Record<string, string>> = {
  'no-tokens': '/www/tokens',
  'no-invitations': '/www/invitations',
  'no-packages': '/www/user/max',
  'no-namespace-packages': '/www/namespace/max',
  'namespace-as-member': '/www/namespace/shelves',
  'team-as-member': '/www/namespace/shelves/team/carpenters',
  'no-providers': '/www/account',
  'not-allowed': '/www/admin',
}

/** Those that nobody sees who is logged in. */
const strangersPages: Readonly<Record<string, string>> = {
  login: '/www/login',
  signup: '/www/signup',
}
