import { expect, test } from 'vitest'
import { isFault } from '../../src/base/fault.ts'
import { days } from '../../src/base/time.ts'
import type { TokenGrant } from '../../src/registry/tokens.ts'
import { testApp } from '../support/app.ts'
import { TurnedClock } from '../support/mirror.ts'
import { NpmUser } from '../support/npm-user.ts'

const code = (error: unknown) => (isFault(error) ? error.code : error)

async function open(grant: Partial<TokenGrant>, clock = new TurnedClock()) {
  const app = await testApp({ clock })
  const kim = await app.user('kim')
  const request = { accountName: 'kim', description: 'test', access: 'publish' as const, ...grant }
  const issue = () => app.registry.tokens.issue(request)
  const limited = async () => new NpmUser(app.url, 'kim', (await issue()).secret)
  return { app, kim, clock, issue, limited, [Symbol.asyncDispose]: () => app[Symbol.asyncDispose]() }
}

test.each([
  [['10.0.0.0/8'], '10.1.2.3', true],
  [['10.0.0.0/8'], '11.1.2.3', false],
  [['10.0.0.0/8'], '::ffff:10.1.2.3', true],
  [['192.0.2.7', 'fd00::/8'], 'fd12::1', true],
  [['192.0.2.7', 'fd00::/8'], '192.0.2.8', false],
  [[], '192.0.2.8', true],
])('a token bound to %j is taken from %s: %s', async (cidr, address, taken) => {
  await using at = await open({ cidr })
  const { secret } = await at.issue()
  const caller = at.app.registry.tokens.identify(secret, address).catch(code)
  await expect(caller).resolves.toEqual(taken ? expect.objectContaining({ name: 'kim' }) : 'FORBIDDEN')
})

test.each(['10.0.0.0/33', '10.0.0', 'everywhere', '10.0.0.0/', 'fd00::/129'])(
  '%s is no network',
  async (cidr) => {
    await using at = await open({ cidr: [cidr] })
    await expect(at.issue().catch(code)).resolves.toBe('BAD_REQUEST')
  },
)

test('a token limited to a namespace publishes there, also what is new, and nowhere else', async () => {
  await using at = await open({ namespaces: ['@kim'] })
  const limited = await at.limited()
  expect((await limited.publish('@kim/box', '1.0.0')).status).toBe(201)
  await at.kim.publish('lid', '1.0.0')
  for (const name of ['lid', 'brand-new', '@other/box'])
    expect((await limited.publish(name, '2.0.0')).status, name).toBe(403)
})

test('a limited token does nothing for the account itself', async () => {
  await using at = await open({ packages: ['@kim/box'] })
  const limited = await at.limited()
  await at.kim.publish('@kim/box', '1.0.0')
  const password = 'kim-password'
  for (const [method, path, body] of [
    ['POST', '/v1/namespaces', { name: 'mine' }],
    ['POST', `/v1/namespaces/namespace/kim@${at.app.host}/members/kim`, {}],
    ['POST', '/-/npm/v1/tokens', { password }],
    ['POST', '/-/npm/v1/user', { email: 'thief@example.org' }],
    ['POST', '/-/npm/v1/user', { tfa: { password, mode: 'auth-only' } }],
  ] as const)
    expect((await limited.send(method, path, { body })).status, path).toBe(403)
})

test('a token ends when its time is over', async () => {
  await using at = await open({ lifetime: days(7) })
  const { secret } = await at.issue()
  at.clock.turn(days(7) - 1)
  expect(await at.app.registry.tokens.identify(secret)).toMatchObject({ name: 'kim' })
  at.clock.turn(1)
  expect(await at.app.registry.tokens.identify(secret)).toBeUndefined()
})

test('who guesses tokens is told to wait, while known ones work on', async () => {
  await using at = await open({})
  const guess = (n: number) => new NpmUser(at.app.url, 'x', `ent_guess_${n}`).get('/-/whoami')
  for (let n = 0; n < 100; n++) expect((await guess(n)).status).toBe(401)
  expect((await guess(100)).status).toBe(429)
  expect((await at.kim.get('/-/whoami')).status).toBe(200)
})
