import { afterAll, beforeAll, expect, test } from 'vitest'
import { fromNpmName } from '../../../src/base/name.ts'
import { days } from '../../../src/base/time.ts'
import { ANONYMOUS } from '../../../src/registry/model.ts'
import { type TestApp, testApp } from '../../support/app.ts'
import { type ScriptedUpstream, startUpstream } from '../../support/upstream.ts'
import { Visitor } from '../../support/visitor.ts'

const nobody = async () => ANONYMOUS
const opened = new AsyncDisposableStack()
let upstream: ScriptedUpstream
let app: TestApp
let kim: Visitor

beforeAll(async () => {
  const old = { time: '2020-01-01T00:00:00.000Z' }
  const left = { '1.0.0': old, '1.1.0': { time: new Date().toISOString() }, '2.0.0': old }
  upstream = opened.use(await startUpstream({ packages: { left } }))
  const rules = {
    block: ['left@^2', '@evil/*'],
    minimumAge: days(3),
    exempt: ['react'],
    advisories: 'malware',
  } as const
  app = opened.use(await testApp({ upstream: upstream.url, rules }))
  await app.user('kim', { admin: true })
  kim = new Visitor(app.url)
  await kim.logIn('kim')
})
afterAll(() => opened.disposeAsync())

test('the policy page shows every rule, what it is, and where it is set', async () => {
  const { text } = await kim.get('/www/admin/policy')
  for (const word of ['left@^2', '@evil/*', '3d', 'react', 'every package', 'no date', 'malware'])
    expect(text, word).toContain(word)
  for (const option of [
    'POLICY_BLOCK',
    'POLICY_ALLOW',
    'POLICY_FREEZE',
    'POLICY_ADVISORIES',
    'MIN_RELEASE_AGE',
  ])
    expect(text, option).toContain(`<td class="mono">${option}</td>`)
})

test('what would let fixes through early is told where anything is held back, and only there', async () => {
  expect((await kim.get('/www/admin/policy')).text).toContain('held back too')
  await using open = await testApp()
  await open.user('kim', { admin: true })
  const visitor = new Visitor(open.url)
  await visitor.logIn('kim')
  const { text } = await visitor.get('/www/admin/policy')
  expect(text).toContain('does not matter while nothing is held back')
  expect(text).not.toContain('held back too')
})

test('it tells what upstream withdrew', async () => {
  await upstream.publish('sunk', '1.0.0')
  await upstream.publish('sunk', '1.1.0')
  await fetch(`${app.url}/sunk/-/sunk-1.1.0.tgz`)
  expect((await kim.get('/www/admin/policy')).text).not.toContain('Withdrawn by upstream')
  upstream.change('sunk', (packument) => delete packument.versions['1.1.0'])
  await app.registry.packages.fresh(await app.registry.packages.head(nobody, fromNpmName('sunk')))
  const { text } = await kim.get('/www/admin/policy')
  expect(text).toContain('Withdrawn by upstream')
  expect(text).toContain('sunk@1.1.0')
  expect(text).not.toContain('sunk@1.0.0')
})

test('the storage page tells what is kept at most, and does what the command does', async () => {
  await fetch(`${app.url}/left/-/left-1.0.0.tgz`)
  expect((await kim.get('/www/admin/storage')).text).not.toContain('are kept at most')
  app.registry.chores.start({ every: 0, bounds: { bytes: 100, age: days(90) } })
  const { text } = await kim.get('/www/admin/storage')
  expect(text).toMatch(/100\sB are kept at most\./)
  expect(text).toContain('forgotten after 90d.')
  const work = (work: string) => kim.submit('/www/admin/storage', { work })
  expect((await work('look')).text).toMatch(/\d+ mirrored tarballs? with \d+\sB would be forgotten/)
  expect((await work('collect')).text).toMatch(/\d+ mirrored tarballs? with \d+\sB forgotten/)
  expect((await work('look')).text).toContain('everything stored is in use')
})

test('it tells of one version what is decided, and why, as the command does', async () => {
  const ask = async (spec: string) =>
    (await kim.get(`/www/admin/policy?spec=${encodeURIComponent(spec)}`)).text
  expect(await ask('left@1.0.0')).toContain('left@1.0.0 is allowed:</strong> no rule holds it back.')
  expect(await ask('left@1.1.0')).toContain('left@1.1.0 is withheld:</strong> it was published on')
  expect(await ask('left@2.0.0')).toContain('it is blocked by &quot;left@^2&quot;.')
  expect(await ask('new@1.0.0')).toContain('note warn')
  expect(await ask('left')).toContain('names no version')
  expect(await ask('<b>@1')).not.toContain('<b>@1')
})

test('the health page says that all is well', async () => {
  const { text } = await kim.get('/www/admin/health')
  expect(text).toContain('All is well.')
  expect(text).toContain('SQLite answers.')
  expect(text).toContain('New files can be written.')
})

test('when the disk takes nothing more, the health page says so', async () => {
  const spool = app.registry.spool
  Object.assign(app.registry, { spool: () => Promise.reject(new Error('no space left on device')) })
  const { text } = await kim.get('/www/admin/health')
  Object.assign(app.registry, { spool })
  expect(text).toContain('Content: not well.')
  expect(text).toContain('no space left on device')
})

test('the log is read by who, what and to whom, page by page', async () => {
  for (let n = 0; n < 101; n++)
    await app.registry.audit.note(
      { actor: 'lee', address: '192.0.2.1' },
      { action: 'login', subject: `l${n}` },
    )
  const first = await kim.get('/www/admin/audit?actor=lee')
  expect(first.text).toContain('<td>l100 ')
  expect(first.text).not.toContain('<td>kim</td>')
  const older = /rel="next" href="([^"]+)"/.exec(first.text)?.[1]?.replaceAll('&amp;', '&') ?? ''
  const second = await kim.get(older)
  expect(second.text).toContain('<td>l0 ')
  expect(second.text).not.toContain('rel="next"')
  expect((await kim.get('/www/admin/audit?action=token&subject=kim')).text).toContain('token.create')
  expect((await kim.get('/www/admin/audit?actor=nobody')).text).toContain('Nothing to tell')
})
