import { type JWTPayload, SignJWT, UnsecuredJWT } from 'jose'
import { expect, test } from 'vitest'
import { minutes } from '../../src/base/time.ts'
import { type TestApp, testApp } from '../support/app.ts'
import { BuildServer } from '../support/build-server.ts'
import { NpmUser } from '../support/npm-user.ts'
import { withFactor } from '../support/second-factor.ts'
import { onEveryEngine } from '../support/services.ts'

const RULE = {
  type: 'github',
  claims: { repository: 'kim/box', workflow_ref: { file: 'publish.yml' }, environment: 'prod' },
  permissions: ['createPackage'],
}
const TRUST = '/-/package/@kim%2fbox/trust'
const EXCHANGE = '/-/npm/v1/oidc/token/exchange/package/@kim%2fbox'

const exchange = (app: TestApp, token: string, path = EXCHANGE) =>
  new NpmUser(app.url, 'a build', token).send('POST', path)

/** kim's package, which trusts a build of kim's. */
async function trusting(builds: BuildServer, rule: object = RULE, options = {}) {
  const app = await testApp({ issuers: [{ type: 'github', url: builds.url }], ...options })
  const kim = await app.user('kim')
  await kim.publish('@kim/box', '1.0.0')
  expect((await kim.send('POST', TRUST, { body: [rule] })).status).toBe(201)
  return { app, kim }
}

onEveryEngine('trusted builds', (engine) => {
  test('get a token for an hour that publishes and tags the one package and does nothing else', async () => {
    await using builds = await BuildServer.start()
    const { app, kim } = await trusting(builds, RULE, { engine })
    await using _ = app
    const { status, json } = await exchange(app, await builds.token())
    expect(status).toBe(201)
    expect(json.token_type).toBe('oidc')
    expect(Date.parse(json.expires) - Date.parse(json.created)).toBe(3_600_000)
    const build = new NpmUser(app.url, 'a build', json.token)
    expect((await build.publish('@kim/box', '1.1.0')).status).toBe(201)
    const tags = '/-/package/@kim%2fbox/dist-tags/next'
    expect((await build.send('PUT', tags, { body: '"1.1.0"' })).status).toBe(201)
    expect((await kim.get('/@kim%2fbox/1.1.0')).json._npmUser).toMatchObject({
      name: 'kim',
      trustedPublisher: { id: 'github' },
    })
    const { _rev } = (await kim.get('/@kim%2fbox?write=true')).json
    for (const [method, path, body] of [
      ['DELETE', `/@kim%2fbox/-rev/${_rev}`, undefined],
      ['PUT', '/-/package/@kim%2fbox/owners', { user: 'kim' }],
      ['POST', '/-/package/@kim%2fbox/access', { access: 'restricted' }],
      ['GET', TRUST, undefined],
    ] as const)
      expect((await build.send(method, path, body && { body })).status, path).toBe(403)
    expect((await build.publish('@kim/other', '1.0.0')).status).toBe(403)
    const rules = (await kim.get(TRUST)).json
    expect((await kim.send('DELETE', `${TRUST}/${rules[0].id}`)).status).toBe(204)
    expect((await build.publish('@kim/box', '1.2.0')).status).toBe(401)
  })

  test('are believed once for each identity token', async () => {
    await using builds = await BuildServer.start()
    const { app } = await trusting(builds, RULE, { engine })
    await using _ = app
    const token = await builds.token()
    const both = await Promise.all([exchange(app, token), exchange(app, `${token}`)])
    expect(both.map(({ status }) => status).sort()).toEqual([201, 403])
    expect((await exchange(app, token, `/npm${EXCHANGE}`)).json.message).toContain('exchanged before')
  })
})

const hourAgo = Math.floor(Date.now() / 1000) - 3600
test.each<[string, JWTPayload, RegExp]>([
  ['of another repository', { repository: 'eve/box' }, /repository is "eve\/box"/],
  [
    'of a like-named workflow elsewhere',
    { workflow_ref: 'eve/x/.github/workflows/publish.yml@refs/heads/main' },
    /workflow_ref/,
  ],
  ['outside the environment', { environment: 'test' }, /environment is "test"/],
  ['for another registry', { aud: 'npm:registry.example' }, /meant for "npm:registry.example"/],
  ['that ended', { exp: hourAgo }, /"exp"/],
  ['that has not begun', { nbf: hourAgo + 7200 }, /"nbf"/],
  ['from the future', { iat: hourAgo + 7200 }, /future/],
])('a token %s is refused, and the audit log tells why', async (_, claims, why) => {
  await using builds = await BuildServer.start()
  const { app } = await trusting(builds)
  await using __ = app
  const { status, json } = await exchange(app, await builds.token(claims))
  expect(status).toBe(403)
  expect(json.message).toMatch(why)
  const [entry] = await app.registry.audit.list({ action: 'trust.refuse' })
  expect(entry?.subject).toBe('@kim/box')
  expect(JSON.stringify(entry?.detail).replaceAll('\\"', '"')).toMatch(why)
})

test('a token that is forged, unsigned, of a strange issuer or no token at all is refused', async () => {
  await using builds = await BuildServer.start()
  await using strange = await BuildServer.start()
  const { app } = await trusting(builds)
  await using _ = app
  const now = Math.floor(Date.now() / 1000)
  const claims = { iss: builds.url, aud: 'npm:127.0.0.1', iat: now, exp: now + 60, ...builds.claims }
  const secret = new TextEncoder().encode('the public key, taken for a secret')
  for (const token of [
    await strange.token(),
    await strange.token({ iss: builds.url }),
    new UnsecuredJWT(claims).encode(),
    await new SignJWT(claims).setProtectedHeader({ alg: 'HS256', kid: 'key 1' }).sign(secret),
    'no.token.this',
    'x'.repeat(10_000),
  ])
    expect((await exchange(app, token)).status, token).toBe(401)
  expect((await app.anonymous().send('POST', EXCHANGE)).status).toBe(401)
})

test('keys are asked for once, and again when a token has a new one', async () => {
  await using builds = await BuildServer.start()
  let late = 0
  const { app } = await trusting(builds, RULE, { clock: { now: () => Date.now() + late } })
  await using _ = app
  for (let i = 0; i < 3; i++) expect((await exchange(app, await builds.token())).status).toBe(201)
  expect(builds.asked).toBe(1)
  await builds.rotate()
  expect((await exchange(app, await builds.token())).status).toBe(401)
  late = minutes(2)
  expect((await exchange(app, await builds.token())).status).toBe(201)
  expect(builds.asked).toBe(2)
})

test('a build may make the package, where somebody who could make it trusts the build', async () => {
  await using builds = await BuildServer.start()
  await using app = await testApp({ issuers: [{ type: 'github', url: builds.url }] })
  const [kim, lee] = [await app.user('kim'), await app.user('lee')]
  expect((await lee.send('POST', TRUST, { body: [RULE] })).status).toBe(403)
  expect((await kim.send('POST', TRUST, { body: [RULE] })).status).toBe(201)
  expect((await kim.send('POST', TRUST, { body: [RULE] })).status).toBe(409)
  const { token } = (await exchange(app, await builds.token())).json
  expect((await new NpmUser(app.url, 'a build', token).publish('@kim/box', '1.0.0')).status).toBe(201)
})

test.each([
  [{ ...RULE, type: 'jenkins' }, /"type" is one of github, gitlab, circleci/],
  [{ ...RULE, claims: { repository: 'kim/box' } }, /needs the claim "workflow_ref"/],
  [{ ...RULE, claims: { ...RULE.claims, actor: 'kim' } }, /no claim "actor"/],
  [{ ...RULE, claims: { ...RULE.claims, repository: ['a'], environment: 7 } }, /environment/],
  [{ ...RULE, permissions: ['everything'] }, /"permissions"/],
  ['rule', /list of trusted publishers/],
])('the rule %j is refused with what is allowed', async (rule, why) => {
  await using app = await testApp()
  const kim = await app.user('kim')
  await kim.publish('@kim/box', '1.0.0')
  const { status, json } = await kim.send('POST', TRUST, { body: [rule] })
  expect(status).toBe(400)
  expect(json.error).toMatch(why)
})

test('trust is given by a whole token, and with the second factor where there is one', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  await kim.publish('@kim/box', '1.0.0')
  const grant = { accountName: 'kim', description: 'test', access: 'publish', bypassesTfa: true } as const
  const give = async (limits: object, headers = {}) => {
    const { secret } = await app.registry.tokens.issue({ ...grant, ...limits })
    return new NpmUser(app.url, 'kim', secret).send('POST', TRUST, { body: [RULE], headers })
  }
  expect((await give({ packages: ['@kim/box'] })).status).toBe(403)
  const phone = await withFactor(app, 'auth-and-writes')
  expect((await give({})).json.code).toBe('OTP_REQUIRED')
  expect((await give({}, { 'npm-otp': phone.code() })).status).toBe(201)
})
