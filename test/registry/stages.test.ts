import { expect, test } from 'vitest'
import { testApp } from '../support/app.ts'
import { BuildServer } from '../support/build-server.ts'
import { NpmUser, publishDocument } from '../support/npm-user.ts'
import { withFactor } from '../support/second-factor.ts'
import { onEveryEngine } from '../support/services.ts'
import { Visitor } from '../support/visitor.ts'

const BOX = '/-/stage/package/@kim%2fbox'

const stage = async (user: NpmUser, version: string) =>
  user.send('POST', BOX, { body: await publishDocument('@kim/box', version) })

onEveryEngine('staged versions', (engine) => {
  test('hold their number, of packages that are not there yet too, until they are judged', async () => {
    await using app = await testApp({ engine })
    const kim = await app.user('kim')
    const { status, json } = await stage(kim, '1.0.0')
    expect(status).toBe(201)
    expect((await kim.get('/@kim%2fbox')).status).toBe(404)
    expect((await stage(kim, '1.0.0')).status).toBe(403)
    expect((await kim.publish('@kim/box', '1.0.0')).json.error).toContain('is staged')
    expect((await kim.send('POST', `/-/stage/${json.stageId}/approve`)).status).toBe(200)
    expect((await kim.send('POST', `/-/stage/${json.stageId}/approve`)).status).toBe(404)
    expect((await kim.get('/@kim%2fbox/1.0.0')).status).toBe(200)
    expect((await stage(kim, '1.0.0')).status).toBe(403)
    const log = await app.registry.audit.list({ action: 'stage' })
    expect(log.map(({ action }) => action)).toEqual(['stage.approve', 'stage.add'])
  })

  test('show who may read the package once they are approved', async () => {
    await using app = await testApp({ engine })
    const kim = await app.user('kim')
    const shown = async (version: string, access?: string) => {
      const document = await publishDocument('@kim/box', version, {
        spoil: (it) => Object.assign(it, { access }),
      })
      const { stageId } = (await kim.send('POST', BOX, { body: document })).json
      const listed = (await kim.get('/-/stage')).json.items
      const { access: viewed } = (await kim.get(`/-/stage/${stageId}`)).json
      expect(listed.find((one: { id: string }) => one.id === stageId).access).toBe(viewed)
      return viewed
    }
    expect(await shown('0.1.0')).toBe('public')
    expect(await shown('0.2.0', 'restricted')).toBe('restricted')
    await kim.publish('@kim/box', '1.0.0', { spoil: (it) => Object.assign(it, { access: 'restricted' }) })
    expect(await shown('1.1.0')).toBe('restricted')
    expect(await shown('1.2.0', 'public')).toBe('public')
  })

  test('are approved once, however many approve at the same time', async () => {
    await using app = await testApp({ engine })
    const kim = await app.user('kim')
    const { stageId } = (await stage(kim, '1.0.0')).json
    const all = await Promise.all([1, 2, 3].map(() => kim.send('POST', `/-/stage/${stageId}/approve`)))
    expect(all.filter(({ status }) => status === 200).length).toBeGreaterThan(0)
    expect(all.every(({ status }) => [200, 404].includes(status))).toBe(true)
    expect(Object.keys((await kim.get('/@kim%2fbox')).json.versions)).toEqual(['1.0.0'])
  })
})

test('nobody but maintainers sees or judges what is staged', async () => {
  await using app = await testApp()
  const [kim, lee] = [await app.user('kim'), await app.user('lee')]
  await kim.publish('@kim/box', '1.0.0')
  expect((await stage(lee, '1.1.0')).status).toBe(403)
  expect((await stage(app.anonymous(), '1.1.0')).status).toBe(401)
  const { stageId } = (await stage(kim, '1.1.0')).json
  const item = `/-/stage/${stageId}`
  expect((await lee.get('/-/stage')).json.items).toEqual([])
  for (const [method, path] of [
    ['GET', item],
    ['GET', `${item}/tarball`],
    ['POST', `${item}/approve`],
    ['DELETE', item],
  ] as const)
    expect((await lee.send(method, path)).status, path).toBe(404)
  expect((await app.anonymous().get('/-/stage')).status).toBe(401)
})

test('what a publish would refuse is refused when it is staged', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  const body = await publishDocument('@kim/box', '1.0.0')
  body.versions['1.0.0'].dist.shasum = '0'.repeat(40)
  expect((await kim.send('POST', BOX, { body })).status).toBe(400)
  expect((await kim.send('POST', BOX, { body: { versions: {} } })).status).toBe(400)
  expect((await kim.get('/-/stage?page=x&perPage=-1')).json.total).toBe(0)
})

test('staging asks for no second factor, approving does, even of a token that needs none otherwise', async () => {
  await using app = await testApp()
  await app.user('kim')
  const phone = await withFactor(app, 'auth-and-writes')
  const grant = { accountName: 'kim', description: 'test', access: 'publish', bypassesTfa: true } as const
  const { secret } = await app.registry.tokens.issue(grant)
  const kim = new NpmUser(app.url, 'kim', secret)
  const { status, json } = await stage(kim, '1.0.0')
  expect(status).toBe(201)
  const approve = (headers = {}) => kim.send('POST', `/-/stage/${json.stageId}/approve`, { headers })
  expect((await approve()).json.code).toBe('OTP_REQUIRED')
  expect((await kim.send('DELETE', `/-/stage/${json.stageId}`)).status).toBe(401)
  expect((await approve({ 'npm-otp': phone.code() })).status).toBe(200)
})

test('a build that may only stage stages, and judges nothing', async () => {
  await using builds = await BuildServer.start()
  await using app = await testApp({ issuers: [{ type: 'github', url: builds.url }] })
  const kim = await app.user('kim')
  await kim.publish('@kim/box', '1.0.0')
  const rule = {
    type: 'github',
    claims: { repository: 'kim/box', workflow_ref: { file: 'publish.yml' } },
    permissions: ['createStagedPackage'],
  }
  await kim.send('POST', '/-/package/@kim%2fbox/trust', { body: [rule] })
  const path = '/-/npm/v1/oidc/token/exchange/package/@kim%2fbox'
  const { token } = (await new NpmUser(app.url, 'a build', await builds.token()).send('POST', path)).json
  const build = new NpmUser(app.url, 'a build', token)
  expect((await build.publish('@kim/box', '1.1.0')).status).toBe(403)
  const { stageId } = (await stage(build, '1.1.0')).json
  expect((await build.send('POST', `/-/stage/${stageId}/approve`)).status).toBe(403)
  expect((await build.send('DELETE', `/-/stage/${stageId}`)).status).toBe(403)
  expect((await kim.send('POST', `/-/stage/${stageId}/approve`)).status).toBe(200)
  const { _npmUser } = (await kim.get('/@kim%2fbox/1.1.0')).json
  expect(_npmUser).toMatchObject({ trustedPublisher: { id: 'github' }, approver: { name: 'kim' } })
})

test('gc leaves the bytes of what is staged', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  const { stageId } = (await stage(kim, '1.0.0')).json
  await app.registry.upkeep.collectGarbage({ settling: -1 })
  expect((await kim.get(`/-/stage/${stageId}/tarball`)).bytes.length).toBeGreaterThan(0)
  expect((await kim.send('POST', `/-/stage/${stageId}/approve`)).status).toBe(200)
})

test('in the browser a maintainer looks at what is staged, approves and rejects it', async () => {
  await using app = await testApp()
  const npm = await app.user('kim')
  await stage(npm, '1.0.0')
  const kim = new Visitor(app.url)
  await kim.logIn('kim')
  const list = await kim.get('/www/staged')
  expect(list.text).toContain('@kim/box 1.0.0')
  const tarball = await kim.get(/\/www\/staged\/[\w-]+\.tgz/.exec(list.text)?.[0] ?? '')
  expect(tarball.headers.get('content-disposition')).toContain('attachment')
  await kim.get('/www/staged')
  expect((await kim.submit('/www/staged', { verdict: 'maybe' })).status).toBe(400)
  await kim.get('/www/staged')
  const approved = await kim.submit('/www/staged', { verdict: 'approve' })
  expect(approved.text).toContain('@kim/box 1.0.0 is published')
  expect((await npm.get('/@kim%2fbox/1.0.0')).status).toBe(200)
  await stage(npm, '1.1.0')
  await kim.get('/www/staged')
  const rejected = await kim.submit('/www/staged', { verdict: 'reject' })
  expect(rejected.text).toContain('Nothing waits')
})
