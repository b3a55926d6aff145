import { expect, test } from 'vitest'
import type { ProviderConfig } from '../../../../src/server/web/account/providers.ts'
import { testApp } from '../../../support/app.ts'
import { FakeGithub } from '../../../support/github.ts'
import { Visitor } from '../../../support/visitor.ts'

const CALLBACK = '/www/login/providers/github/callback'

function providersOf(github: FakeGithub, id = 'github', title = 'GitHub'): ProviderConfig[] {
  const keys = { id, title, client: 'app', secret: 'hush' }
  return [{ ...keys, kind: 'github', site: github.url, api: `${github.url}/api` }]
}

/** Goes to the provider, which sends the browser back at once. */
async function viaGithub(visitor: Visitor, query = '', id = 'github') {
  const away = await visitor.get(`/www/login/providers/${id}${query}`)
  const back = await fetch(away.leadsTo ?? '', { redirect: 'manual' })
  const { pathname, search } = new URL(back.headers.get('location') ?? '')
  return { away: new URL(away.leadsTo ?? ''), path: pathname + search }
}

test('who comes from GitHub for the first time signs up, and later is known by the id, not the login name', async () => {
  await using github = await FakeGithub.open()
  await using app = await testApp({ providers: providersOf(github) })
  const octo = new Visitor(app.url)
  const { away, path } = await viaGithub(octo)
  expect(away.searchParams.get('redirect_uri')).toBe(app.url + CALLBACK)
  expect(away.searchParams.get('code_challenge_method')).toBe('S256')
  expect(away.searchParams.get('state')?.length).toBeGreaterThan(15)
  const form = await octo.get(path)
  expect(form.path).toBe('/www/signup')
  expect(form.text).toContain('value="octo"')
  expect((await octo.submit('/www/signup', { name: 'octo', email: '', password: '' })).path).toBe(
    '/www/tokens',
  )

  github.user = { ...github.user, login: 'renamed' }
  const again = new Visitor(app.url)
  const back = await again.get((await viaGithub(again, '?next=/www/account')).path)
  expect([back.path, back.text.includes('github: renamed')]).toEqual(['/www/account', true])

  github.user = { id: 43, login: 'octo', email: null }
  const other = new Visitor(app.url)
  expect((await other.get((await viaGithub(other)).path)).path).toBe('/www/signup')
})

test('the provider’s token lies sealed in the database', async () => {
  await using github = await FakeGithub.open()
  await using app = await testApp({ providers: providersOf(github) })
  await app.user('kim')
  const kim = new Visitor(app.url)
  await kim.logIn('kim')
  expect((await kim.get((await viaGithub(kim, '?next=/www/account')).path)).text).toContain(
    'GitHub is linked',
  )
  const { token } = await app.storage.sql.read
    .selectFrom('identity')
    .select('token')
    .executeTakeFirstOrThrow()
  expect(token).not.toContain('gho_')
  const sessions = await app.storage.sql.read.selectFrom('session').select('data').execute()
  expect(JSON.stringify(sessions)).not.toContain('gho_')
})

test('a way back that this browser did not set out on is not found, and none is walked twice', async () => {
  await using github = await FakeGithub.open()
  await using app = await testApp({ providers: providersOf(github) })
  const attacker = new Visitor(app.url)
  const { path } = await viaGithub(attacker)
  const victim = new Visitor(app.url)
  expect((await victim.get(path)).status).toBe(404)
  expect((await attacker.get(path)).path).toBe('/www/signup')
  expect((await attacker.get(path)).status).toBe(404)
})

test('a wrong state and a wrong code vouch for nobody', async () => {
  await using github = await FakeGithub.open()
  await using app = await testApp({ providers: providersOf(github) })
  const visitor = new Visitor(app.url)
  const first = await viaGithub(visitor)
  expect((await visitor.get(first.path.replace(/state=\w+/, 'state=forged'))).status).toBe(403)
  const second = await viaGithub(visitor)
  expect((await visitor.get(second.path.replace(/code=\w+/, 'code=forged'))).status).toBe(403)
})

test('where sign-up is closed, a provider opens no new account', async () => {
  await using github = await FakeGithub.open()
  await using app = await testApp({ providers: providersOf(github), signUp: false })
  const octo = new Visitor(app.url)
  expect((await octo.get((await viaGithub(octo)).path)).status).toBe(403)
})

test('several providers are linked to one account, each logs in, and one that is unlinked does no more', async () => {
  await using github = await FakeGithub.open()
  await using other = await FakeGithub.open()
  other.user = { id: 7, login: 'kim-elsewhere', email: null }
  const providers = [...providersOf(github), ...providersOf(other, 'other', 'Other')]
  await using app = await testApp({ providers, signUp: false })
  await app.user('kim')
  const kim = new Visitor(app.url)
  await kim.logIn('kim')
  for (const id of ['github', 'other']) await kim.get((await viaGithub(kim, '?next=/www/account', id)).path)
  expect((await kim.get('/www/account')).text).toMatch(/github: octo.*other: kim-elsewhere/s)

  const enter = async (id: string) => {
    const visitor = new Visitor(app.url)
    return visitor.get((await viaGithub(visitor, '', id)).path)
  }
  for (const id of ['github', 'other']) expect((await enter(id)).path).toBe('/www/tokens')
  await kim.get('/www/account')
  await kim.submit('/www/account/identities', { provider: 'github', subject: '42' })
  expect((await enter('github')).status).toBe(403)
  expect((await enter('other')).path).toBe('/www/tokens')
})

test('an identity belongs to one account, and the last way in cannot be unlinked', async () => {
  await using github = await FakeGithub.open()
  await using app = await testApp({ providers: providersOf(github) })
  const octo = new Visitor(app.url)
  await octo.get((await viaGithub(octo)).path)
  await octo.submit('/www/signup', { name: 'octo', email: '', password: '' })
  await app.user('kim')
  const kim = new Visitor(app.url)
  await kim.logIn('kim')
  expect((await kim.get((await viaGithub(kim)).path)).status).toBe(409)
  await octo.get('/www/account')
  expect((await octo.submit('/www/account/identities')).status).toBe(409)
})
