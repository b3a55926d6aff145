import { expect, test } from 'vitest'
import { testApp } from '../support/app.ts'
import { withFactor } from '../support/second-factor.ts'
import { Visitor } from '../support/visitor.ts'

test('a one-time password given in the browser is good for one change', async () => {
  await using app = await testApp()
  const user = await app.user('kim')
  const phone = await withFactor(app, 'auth-and-writes')
  const web = { 'npm-auth-type': 'web', 'npm-command': 'publish' }
  const body = JSON.stringify('1.0.0')
  const asked = await user.send('PUT', '/-/package/@kim%2fbox/dist-tags/x', { body, headers: web })
  expect(asked.status).toBe(404) // whoever may not know of a package is not asked for a password first
  const refused = await user.publish('@kim/box', '1.0.0')
  expect([refused.status, refused.headers.get('www-authenticate')]).toEqual([401, 'OTP'])
  const first = await user.send('POST', '/-/npm/v1/user', {
    body: { email: 'kim@example.org' },
    headers: web,
  })
  expect(first.status).toBe(401)
  const { authUrl, doneUrl } = first.json
  const kim = new Visitor(app.url)
  await kim.logIn('kim')
  await kim.submit('/www/login/code', { code: phone.code() })
  await kim.get(authUrl.slice(app.url.length))
  expect((await kim.submit('/www/login/answer', { answer: 'allow', code: '123' })).status).toBe(401)
  await kim.submit('/www/login/answer', { answer: 'allow', code: phone.next() })
  const { json } = await user.get(doneUrl.slice(app.url.length))
  const again = (otp: string) =>
    user.send('POST', '/-/npm/v1/user', {
      body: { email: 'kim@example.org' },
      headers: { ...web, 'npm-otp': otp },
    })
  expect((await again(json.token)).status).toBe(200)
  expect((await again(json.token)).status).toBe(401)
})

test('a package that requires a second factor takes it from everybody, whatever the account says', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  await kim.publish('@kim/box', '1.0.0')
  const settings = { body: { require_tfa: true } }
  const path = `/v1/packages/package/kim@${app.host}/box`
  expect((await kim.send('PUT', path, settings)).json.message).toContain('without activating it')
  const phone = await withFactor(app, 'auth-only')
  expect((await kim.send('PUT', path, settings)).status).toBe(200)
  expect((await kim.publish('@kim/box', '1.1.0')).status).toBe(401)
  const lee = await app.user('lee')
  await app.registry.accounts.setRole('lee', 'admin')
  const refused = await lee.publish('@kim/box', '1.1.0')
  expect([refused.status, refused.json.error]).toEqual([
    403,
    `You must enable 2FA to edit "kim@${app.host}/box"`,
  ])
  const given = await kim.send('DELETE', path, { headers: { 'npm-otp': phone.code() } })
  expect(given.status).toBeLessThan(300)
})

test('npm login --auth-type=legacy asks for the code where there is a second factor', async () => {
  await using app = await testApp()
  await app.user('kim')
  const phone = await withFactor(app, 'auth-only')
  const body = { name: 'kim', password: 'kim-password' }
  const path = '/-/user/org.couchdb.user:kim'
  const anybody = app.anonymous()
  expect((await anybody.send('PUT', path, { body })).headers.get('www-authenticate')).toBe('OTP')
  const done = await anybody.send('PUT', path, { body, headers: { 'npm-otp': phone.code() } })
  expect([done.status, done.json.token]).toEqual([201, expect.stringMatching(/^ent_/)])
  const basic = `Basic ${Buffer.from('kim:kim-password').toString('base64')}`
  expect((await anybody.get('/-/whoami', { authorization: basic })).status).toBe(401)
})
