import { expect, test } from 'vitest'
import { testApp } from '../support/app.ts'
import { onEveryEngine } from '../support/services.ts'
import { Visitor } from '../support/visitor.ts'

onEveryEngine('what nobody sends in good faith', ({ place }) => {
  test('is answered, and never by a failure of ours', async () => {
    await using at = await place()
    await using app = await testApp({ storage: at.config })
    const kim = await app.user('kim')
    const body = { name: '\0', password: '\0', hostname: '\0', email: 'a@\0', tfa: { mode: '\0' } }
    const long = 'x'.repeat(50_000)
    for (const [method, path, sent] of [
      ['POST', '/-/v1/login', body],
      ['POST', '/-/v1/login', [body]],
      ['POST', '/-/v1/login', { hostname: long }],
      ['GET', '/-/v1/login/poll/%00', undefined],
      ['GET', '/-/v1/login/poll/00000000-0000-4000-8000-000000000000', undefined],
      ['PUT', '/-/user/org.couchdb.user:%00', body],
      ['PUT', '/-/user/org.couchdb.user:kim', { name: 'kim', password: long }],
      ['GET', '/-/user/org.couchdb.user:%00', undefined],
      ['DELETE', '/-/user/token/%00', undefined],
      ['DELETE', '/-/npm/v1/tokens/token/%00', undefined],
      ['POST', '/-/npm/v1/user', body],
      ['POST', '/-/npm/v1/user', { email: 'a@\0' }],
      ['POST', '/-/npm/v1/user', { tfa: ['\0'] }],
      ['POST', '/-/npm/v1/tokens', { password: 'kim-password', name: '\0', cidr: ['\0'] }],
      ['POST', '/-/npm/v1/tokens', { password: 'kim-password', name: '\0' }],
      ['POST', '/-/npm/v1/tokens', { password: 'kim-password', expires: 1e308, packages: [{}, null] }],
    ] as const) {
      const { status } = await kim.send(method, path, {
        ...(sent && { body: sent }),
        headers: { 'npm-otp': '\u00e9' },
      })
      expect(status, `${method} ${path}`).toBeLessThan(500)
    }
  })

  test('is answered by the pages too', async () => {
    await using at = await place()
    await using app = await testApp({ storage: at.config })
    await app.user('kim')
    const kim = new Visitor(app.url)
    await kim.logIn('kim')
    for (const path of [
      '/www/login?cli=%00',
      '/www/login?cli=a&cli=b',
      '/www/login?next=a&next=b',
      '/www/login/confirm?id=%00',
      '/www/login/confirm',
      '/www/signup?link=%00',
      '/www/account/log?before=-1',
      '/www/account/log?before=1e99',
      '/www/login/providers/github',
      '/www/login/providers/github/callback?code=1&state=2',
    ])
      expect((await kim.get(path)).status, path).toBeLessThan(500)
    await kim.get('/www/tokens')
    expect((await kim.submit('/www/tokens', { name: 'x', cidr: 'nonsense' })).status).toBe(400)
    expect((await kim.submit('/www/tokens', { name: 'x', days: '1e9' })).status).toBe(400)
    kim.cookies.take(['s=forged; path=/'])
    expect((await kim.get('/www/account')).path).toContain('/www/login')
  })
})
