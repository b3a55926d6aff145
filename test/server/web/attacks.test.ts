import { expect, test } from 'vitest'
import { testApp } from '../../support/app.ts'
import { onEveryEngine } from '../../support/services.ts'
import { Visitor } from '../../support/visitor.ts'

/** A legacy login of npm, from wherever it says it comes. */
function npmLogin(url: string, name: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(`${url}/-/user/org.couchdb.user:${name}`, {
    method: 'PUT',
    headers: { 'content-type': 'application/json', ...headers },
    body: JSON.stringify({ name, password: 'a guess of mine', type: 'user', roles: [] }),
  })
}

onEveryEngine('an attacker', (engine) => {
  test('guesses fifty passwords at once, through every door, and has ten tries', async () => {
    await using app = await testApp({ engine, signUp: false })
    await app.user('kim')
    const basic = `Basic ${Buffer.from('kim:a guess of mine').toString('base64')}`
    const ways = [
      () => npmLogin(app.url, 'kim'),
      () => fetch(`${app.url}/-/whoami`, { headers: { authorization: basic } }),
    ]
    const guesses = Array.from({ length: 50 }, (_, n) => ways[n % ways.length]?.())
    const statuses = (await Promise.all(guesses)).map((reply) => reply?.status)
    expect(statuses.filter((status) => status === 401)).toHaveLength(10)
    expect(statuses.filter((status) => status === 429)).toHaveLength(40)
    const log = await app.registry.audit.list({ action: 'login.fail' })
    expect(log.map(({ subject, address }) => [subject, address])).toEqual(
      Array(10).fill(['kim', '127.0.0.1']),
    )
  })

  test('guesses on one account after the other, and has sixty tries', async () => {
    await using app = await testApp({ engine, signUp: false })
    const guesses = Array.from({ length: 80 }, (_, n) => npmLogin(app.url, `kim${n}`))
    const statuses = (await Promise.all(guesses)).map(({ status }) => status)
    expect(statuses.filter((status) => status === 429)).toHaveLength(20)
  })
})

test('an attacker who invents an X-Forwarded-For for each guess is one attacker all the same', async () => {
  await using app = await testApp({ signUp: false })
  await app.user('kim')
  const guesses = Array.from({ length: 20 }, (_, n) =>
    npmLogin(app.url, 'kim', { 'x-forwarded-for': `192.0.2.${n}` }),
  )
  const statuses = (await Promise.all(guesses)).map(({ status }) => status)
  expect(statuses.filter((status) => status === 429)).toHaveLength(10)
})

test('whether a name is an account is told neither by npm’s login nor by an answer’s words', async () => {
  await using app = await testApp({ signUp: false })
  await app.user('kim')
  const answers = await Promise.all(
    ['kim', 'nobody'].map(async (name) => {
      const reply = await npmLogin(app.url, name)
      return [reply.status, (await reply.text()).replaceAll(name, '')]
    }),
  )
  expect(answers[0]).toEqual(answers[1])
})

test.each([
  '/www/search?q=%0d%0aset-cookie:%20s=stolen',
  '/www/login?next=/%0d%0aset-cookie:%20s=stolen',
  '/%0d%0aset-cookie:%20s=stolen',
  '/www/user/x%0d%0aset-cookie:%20s=stolen',
])('no header is made from %s', async (path) => {
  await using app = await testApp()
  const reply = await fetch(app.url + path, { headers: { accept: 'text/html' }, redirect: 'manual' })
  expect(reply.status).toBeLessThan(500)
  expect(`${[...reply.headers]}`).not.toMatch(/(^|,)s=stolen/)
})

test('who is sent to log in comes back to a page of ours and nowhere else', async () => {
  await using app = await testApp()
  await app.user('kim', { admin: true })
  const kim = new Visitor(app.url)
  const away = await kim.get('/www/admin//evil.example/?next=//evil.example')
  expect(away.leadsTo).toBeUndefined()
  await kim.get('/www/admin/users?page=2')
  const { path } = await kim.submit('/www/login', { name: 'kim', password: 'kim-password' })
  expect(path).toBe('/www/admin/users?page=2')
})

test('a forged Host leads nobody away: links are made of the configured address', async () => {
  await using app = await testApp({ publicUrl: 'https://registry.example' })
  const forged = { accept: 'text/html', 'x-forwarded-host': 'evil.example' }
  const text = await (await fetch(app.url, { headers: forged })).text()
  expect(text).toContain('https://registry.example/')
  expect(text).not.toContain('evil.example')
})

test('no page is shown in a frame, pages that fail among them', async () => {
  await using app = await testApp()
  for (const path of ['/', '/www/login', '/www/signup', '/www/nowhere', '/www/package/nothing']) {
    const { headers } = await fetch(app.url + path, { headers: { accept: 'text/html' } })
    expect(headers.get('x-frame-options'), path).toBe('DENY')
    expect(headers.get('content-security-policy'), path).toContain("frame-ancestors 'none'")
  }
})

test('the cookie ends when the session in the database does', async () => {
  await using app = await testApp()
  await app.user('kim')
  const kim = new Visitor(app.url)
  await kim.logIn('kim')
  const expires = /expires=([^;]+)/i.exec(kim.cookies.attributes.get('s') ?? '')?.[1] ?? ''
  const rows = await app.storage.sql.read.selectFrom('session').select(['account_id', 'expires_at']).execute()
  const row = rows.find(({ account_id }) => account_id !== null)
  // Both are counted from the same answer; a cookie knows whole seconds.
  expect(Math.abs(Date.parse(expires) - (row?.expires_at ?? 0))).toBeLessThan(60_000)
})
