import { expect, test } from 'vitest'
import { testApp } from '../../../support/app.ts'
import { NpmUser } from '../../../support/npm-user.ts'
import { onEveryEngine } from '../../../support/services.ts'
import { Visitor } from '../../../support/visitor.ts'

test('a login opens a session that lasts, and logging out ends it for whoever has the cookie', async () => {
  await using app = await testApp()
  await app.user('kim')
  const kim = new Visitor(app.url)
  const page = await kim.logIn('kim')
  expect(page.path).toBe('/www/tokens')
  expect(page.text).toContain('>kim</a>')
  expect(kim.cookies.attributes.get('s')).toMatch(/path=\/.*samesite=lax.*httponly/i)
  expect(kim.cookies.attributes.get('s')).not.toMatch(/secure/i)
  const thief = new Visitor(app.url, kim.cookies.copy())
  expect((await thief.get('/www/account')).path).toBe('/www/account')
  await kim.get('/www/account')
  await kim.submit('/www/logout')
  expect((await kim.get('/www/account')).path).toContain('/www/login?next=')
  expect((await thief.get('/www/account')).path).toContain('/www/login?next=')
})

test('the session gets another id at login, so that one planted before is worth nothing', async () => {
  await using app = await testApp()
  await app.user('kim')
  const kim = new Visitor(app.url)
  await kim.get('/www/login')
  const before = kim.cookies.copy()
  await kim.submit('/www/login', { name: 'kim', password: 'kim-password' })
  expect(kim.cookies.get('s')).not.toBe(before.get('s'))
  const planter = new Visitor(app.url, before)
  expect((await planter.get('/www/account')).path).toContain('/www/login')
})

test('over https the cookie is secure', async () => {
  await using app = await testApp({ publicUrl: 'https://registry.example' })
  const response = await fetch(`${app.url}/www/login`, { headers: { accept: 'text/html' } })
  expect(response.headers.getSetCookie().join()).toMatch(/^s=.*; secure/i)
})

test('a wrong password and an unknown name get the same answer, and guessing ends soon', async () => {
  await using app = await testApp()
  await app.user('kim')
  const guesser = new Visitor(app.url)
  const wrong = await guesser.logIn('kim', 'not it')
  const unknown = await guesser.logIn('nobody', 'not it')
  expect([wrong.status, unknown.status]).toEqual([401, 401])
  const without = (text: string, name: string) =>
    text.replaceAll(name, '').replace(/(value|data-passkey)="[^"]*"/g, '')
  expect(without(wrong.text, 'kim')).toBe(without(unknown.text, 'nobody'))
  let last = wrong
  for (let i = 0; i < 10; i++) last = await guesser.logIn('kim', `guess ${i}`)
  expect(last.status).toBe(429)
  expect((await guesser.logIn('kim')).status).toBe(429)
})

test('a form that the session was not shown is refused', async () => {
  await using app = await testApp()
  await app.user('kim')
  const kim = new Visitor(app.url)
  await kim.logIn('kim')
  for (const path of ['/www/tokens', '/www/account/email', '/www/logout', '/www/account/password']) {
    expect((await kim.post(path, { name: 'forged' })).status).toBe(403)
    expect((await kim.post(path, { name: 'forged', form_key: 'x'.repeat(32) })).status).toBe(403)
  }
  expect(await app.registry.tokens.list('kim')).toHaveLength(1)
})

test.each([
  'https://evil.example/',
  '//evil.example/',
  '/\\evil.example',
  '/\t/evil.example',
  'javascript:alert(1)',
  '/www/../../evil',
  '/.//evil.example/',
  '/www/..//evil.example/',
  '/%2e//evil.example/',
])('nobody is sent to %s, by logging in or by being logged in already', async (next) => {
  await using app = await testApp()
  await app.user('kim')
  const kim = new Visitor(app.url)
  const login = `/www/login?next=${encodeURIComponent(next)}`
  await kim.get(login)
  const page = await kim.submit('/www/login', { name: 'kim', password: 'kim-password' })
  expect(page.leadsTo).toBeUndefined()
  expect((await kim.get(login)).leadsTo).toBeUndefined()
})

test('sessions are listed, and can be ended from another browser', async () => {
  await using app = await testApp()
  await app.user('kim')
  const laptop = new Visitor(app.url)
  const phone = new Visitor(app.url)
  await laptop.logIn('kim')
  await phone.logIn('kim')
  expect((await laptop.get('/www/account')).text).toContain('End all others')
  await laptop.submit('/www/account/sessions', { id: '' })
  expect((await phone.get('/www/account')).path).toContain('/www/login')
  expect((await laptop.get('/www/account')).path).toBe('/www/account')
})

test('the set-up link makes the first administrator, once', async () => {
  await using app = await testApp({ signUp: false })
  const secret = await app.registry.signUp.setupSecret()
  const kim = new Visitor(app.url)
  const page = await kim.get(`/www/signup?link=${secret}`)
  expect(page.text).toContain('will be an administrator')
  expect((await kim.submit('/www/signup', { name: 'kim', email: '', password: 'long enough' })).path).toBe(
    '/www/tokens',
  )
  expect((await app.registry.accounts.find('kim'))?.admin).toBe(true)
  expect(await app.registry.signUp.setupSecret()).toBeUndefined()
  const late = new Visitor(app.url)
  expect((await late.get(`/www/signup?link=${secret}`)).status).toBe(403)
  expect((await late.get('/www/signup')).status).toBe(403)
})

test('every server’s set-up link works until one made an administrator, and none after that', async () => {
  await using app = await testApp({ signUp: false })
  const { signUp, accounts } = app.registry
  const links = await Promise.all([1, 2, 3].map(async () => (await signUp.setupSecret()) ?? ''))
  const roles = () => Promise.all(links.map((link) => signUp.roleOf(link)))
  expect(await roles()).toEqual(['admin', 'admin', 'admin'])
  const made = await Promise.allSettled(
    links.map((link, at) => signUp.accept(link, { name: `kim${at}`, password: 'long enough' })),
  )
  expect(made.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected', 'rejected'])
  expect((await accounts.list()).map(({ admin }) => admin)).toEqual([true])
  expect(await roles()).toEqual([undefined, undefined, undefined])
})

test('an administrator made on the command line ends the set-up links', async () => {
  await using app = await testApp({ signUp: false })
  const link = (await app.registry.signUp.setupSecret()) ?? ''
  await app.user('kim', { admin: true })
  expect((await new Visitor(app.url).get(`/www/signup?link=${link}`)).status).toBe(403)
})

test('where sign-up is open, a form that was filled in wrongly says why and keeps what was typed', async () => {
  await using app = await testApp()
  const kim = new Visitor(app.url)
  await kim.get('/www/signup')
  const page = await kim.submit('/www/signup', {
    name: 'Not OK!',
    email: 'kim@example.org',
    password: 'long enough',
  })
  expect(page.status).toBe(400)
  expect(page.text).toContain('value="kim@example.org"')
  expect(page.text).toContain('Invalid name')
  expect((await kim.submit('/www/signup', { name: 'kim', email: '', password: 'long enough' })).path).toBe(
    '/www/tokens',
  )
})

test('a token made in the browser is shown once, works within its limits, and is gone when revoked', async () => {
  await using app = await testApp()
  const owner = await app.user('kim')
  await owner.publish('@kim/box', '1.0.0')
  const kim = new Visitor(app.url)
  await kim.logIn('kim')
  const page = await kim.submit('/www/tokens', {
    name: 'ci',
    access: 'publish',
    days: '30',
    packages: '@kim/box',
    namespaces: '',
    cidr: '',
  })
  const secret = /ent_[\w-]{43}/.exec(page.text)?.[0] ?? ''
  expect((await kim.get('/www/tokens')).text).not.toContain(secret)
  const ci = new NpmUser(app.url, 'kim', secret)
  expect((await ci.publish('@kim/box', '1.1.0')).status).toBe(201)
  expect((await ci.publish('@kim/other', '1.0.0')).status).toBe(403)
  const { id } = (await app.registry.tokens.list('kim')).find(({ description }) => description === 'ci') ?? {}
  await kim.submit('/www/tokens/revoke', { id: `${id}` })
  expect((await ci.get('/-/whoami')).status).toBe(401)
})

onEveryEngine('a session', ({ place }) => {
  test('survives a restart', async () => {
    await using at = await place()
    const kim = await (async () => {
      await using app = await testApp({ storage: at.config })
      await app.user('kim')
      const visitor = new Visitor(app.url)
      await visitor.logIn('kim')
      return visitor
    })()
    await using app = await testApp({ storage: at.config })
    const later = new Visitor(app.url, kim.cookies.copy())
    expect((await later.get('/www/account')).path).toBe('/www/account')
  })
})
