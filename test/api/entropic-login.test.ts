import { expect, test } from 'vitest'
import { testApp } from '../support/app.ts'

test('a login begun at the Entropic door is allowed by a person and hands its token out once', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  const program = app.anonymous()
  const { json: login } = await program.send('POST', '/v1/auth/login', { body: { hostname: 'laptop' } })
  const ready = () => program.get(login.doneUrl.slice(app.url.length))
  const waiting = await ready()
  expect([waiting.status, waiting.json]).toEqual([202, {}])
  expect(Number(waiting.headers.get('retry-after'))).toBeGreaterThan(0)

  const id = new URL(login.loginUrl).searchParams.get('cli') ?? ''
  const caller = await app.registry.tokens.identify(kim.token ?? '', '127.0.0.1')
  if (caller?.kind !== 'user') throw new Error('kim has a token')
  await app.registry.logins.allow(id, caller, { address: '127.0.0.1' })
  const done = await ready()
  expect([done.status, done.json.username]).toEqual([200, 'kim'])
  const whoami = await program.get('/v1/auth/whoami', { authorization: `Bearer ${done.json.token}` })
  expect(whoami.json).toEqual({ username: 'kim' })
  expect((await ready()).status).toBe(404)
})

test('a poll for nothing is refused', async () => {
  await using app = await testApp()
  expect((await app.anonymous().get('/auth/login/ready?session=x')).status).toBe(400)
  expect((await app.anonymous().get('/auth/login/ready')).status).toBe(400)
})
