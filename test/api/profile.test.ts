import { Secret, TOTP } from 'otpauth'
import { expect, test } from 'vitest'
import { testApp } from '../support/app.ts'
import { TurnedClock } from '../support/mirror.ts'

const PROFILE = '/-/npm/v1/user'

test('npm profile enable-2fa and disable-2fa, as npm sends them', async () => {
  const clock = new TurnedClock()
  await using app = await testApp({ clock })
  const kim = await app.user('kim')
  const post = (tfa: unknown, otp?: string) =>
    kim.send('POST', PROFILE, { body: { tfa }, headers: otp === undefined ? {} : { 'npm-otp': otp } })
  expect((await post({ password: 'wrong', mode: 'auth-only' })).status).toBe(401)
  const begun = await post({ password: 'kim-password', mode: 'auth-and-writes' })
  expect(begun.json.tfa).toMatch(/^otpauth:\/\/totp\/.*kim.*secret=/)
  expect((await kim.get(PROFILE)).json.tfa).toEqual({ pending: true, mode: 'auth-and-writes' })
  const totp = new TOTP({
    secret: Secret.fromBase32(new URL(begun.json.tfa).searchParams.get('secret') ?? ''),
  })
  const now = clock.now()
  expect((await post(['12345'])).status).toBe(401)
  const codes = (await post([totp.generate({ timestamp: now - 30_000 })])).json.tfa
  expect(codes).toHaveLength(10)
  expect((await kim.get(PROFILE)).json.tfa).toEqual({ pending: false, mode: 'auth-and-writes' })
  expect((await post({ mode: 'auth-only' })).status).toBe(401)
  expect((await post({ mode: 'auth-only' }, totp.generate({ timestamp: now }))).status).toBe(200)
  expect((await kim.get(PROFILE)).json.tfa).toEqual({ pending: false, mode: 'auth-only' })
  expect((await post({ password: 'kim-password', mode: 'disable' })).status).toBe(401)
  expect((await post({ password: 'kim-password', mode: 'disable' }, codes[0])).status).toBe(200)
  expect((await kim.get(PROFILE)).json.tfa).toBeNull()
})

test('npm profile set changes the email, and the password with the old one only', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  const set = (body: object) => kim.send('POST', PROFILE, { body })
  expect((await set({ email: 'kim@example.org', fullname: 'Kim' })).json.email).toBe('kim@example.org')
  expect((await set({ email: 'not one' })).status).toBe(400)
  expect((await set({ password: { old: 'wrong', new: 'another password' } })).status).toBe(401)
  expect((await set({ password: { old: 'kim-password', new: 'another password' } })).status).toBe(200)
  expect((await kim.get('/-/whoami')).status).toBe(401) // every token has ended
  expect(await app.registry.accounts.verifyPassword('kim', 'another password', '')).toBeDefined()
})

test('every account action leaves its line in the audit log', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  await kim.send('POST', PROFILE, { body: { email: 'kim@example.org' } })
  await kim.send('POST', '/-/npm/v1/tokens', { body: { password: 'kim-password', name: 'ci' } })
  const entries = await app.registry.audit.list()
  expect(entries.map(({ action, actor, address }) => [action, actor, address])).toEqual([
    ['token.create', 'kim', '127.0.0.1'],
    ['account.email', 'kim', '127.0.0.1'],
    ['token.create', undefined, ''],
    ['account.add', undefined, ''],
  ])
})
