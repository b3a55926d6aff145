import { expect, test } from 'vitest'
import { seconds } from '../../src/base/time.ts'
import { RoutedUpstream } from '../../src/registry/mirror/routes.ts'
import { createUpstream } from '../../src/registry/upstream.ts'
import { type TestApp, testApp } from '../support/app.ts'
import type { NpmUser } from '../support/npm-user.ts'
import { onEveryEngine } from '../support/services.ts'
import { type ScriptedUpstream, startUpstream } from '../support/upstream.ts'

/** What somebody who knows our names puts upstream, to be chosen over ours. */
const LURE = '99.0.0'

onEveryEngine('dependency confusion, by default', (engine) => {
  async function attacked(): Promise<
    AsyncDisposable & { app: TestApp; npm: ScriptedUpstream; kim: NpmUser; lure(name: string): Promise<void> }
  > {
    await using opening = new AsyncDisposableStack()
    const npm = opening.use(await startUpstream())
    const app = opening.use(await testApp({ engine, upstream: npm.url }))
    const kim = await app.user('kim')
    const opened = opening.move()
    const lure = (name: string) => npm.publish(name, LURE)
    return { app, npm, kim, lure, [Symbol.asyncDispose]: () => opened.disposeAsync() }
  }

  async function versionsOf(user: NpmUser, name: string): Promise<string[]> {
    return Object.keys((await user.get(`/${name.replace('/', '%2f')}`)).json.versions ?? {})
  }

  test('a higher version upstream of a name published here is never seen', async () => {
    await using t = await attacked()
    await t.kim.publish('box', '1.0.0')
    const before = t.npm.count()
    await t.lure('box')
    expect(await versionsOf(t.kim, 'box')).toEqual(['1.0.0'])
    for (const path of [`/box/${LURE}`, `/box/-/box-${LURE}.tgz`])
      expect((await t.kim.get(path)).status).toBe(404)
    expect(t.npm.count()).toBe(before)
  })

  test('a name in the scope of an account here is not looked for upstream, though nobody published it yet', async () => {
    await using t = await attacked()
    await t.lure('@kim/secret')
    for (const path of ['/@kim%2fsecret', '/@kim/secret', `/@kim/secret/-/secret-${LURE}.tgz`])
      expect([path, (await t.app.anonymous().get(path)).status]).toEqual([path, 404])
    expect(t.npm.count()).toBe(0)
  })

  test('a name unpublished here is not filled from upstream', async () => {
    await using t = await attacked()
    await t.kim.publish('box', '1.0.0')
    await t.lure('box')
    await t.kim.send('DELETE', `/box/-rev/${(await t.kim.get('/box')).json._rev}`)
    expect((await t.kim.get('/box')).status).toBe(404)
    expect((await t.kim.get(`/box/-/box-${LURE}.tgz`)).status).toBe(404)
  })

  test('other spellings of our names are not ours, and not upstream’s', async () => {
    await using t = await attacked()
    await t.kim.publish('@kim/box', '1.0.0')
    for (const name of ['@Kim/box', '@KIM/BOX', '@kim/Box', 'kim/box']) await t.lure(name)
    for (const path of ['/@Kim%2fbox', '/@KIM%2FBOX', '/@kim%2fBox', '/%40kim%2Fbox', '/@kim%252fbox']) {
      const { status, json } = await t.kim.get(path)
      expect([path, Object.keys(json.versions ?? {})]).toEqual([path, status === 200 ? ['1.0.0'] : []])
    }
  })

  test('nobody here can publish over a name that people install from upstream', async () => {
    await using t = await attacked()
    for (const name of ['left', '@far/right']) await t.npm.publish(name, '1.0.0')
    expect((await t.kim.publish('left', LURE)).status).toBe(403)
    expect((await t.kim.publish('@far/right', LURE)).status).toBe(403)
    expect(await versionsOf(t.kim, 'left')).toEqual(['1.0.0'])
  })

  test('a scope that is routed to one registry is not looked for in another when that one fails', async () => {
    await using npm = await startUpstream({ packages: { '@acme/box': { [LURE]: {} } } })
    await using acme = await startUpstream({ packages: { '@acme/bag': { '1.0.0': {} } } })
    const to = (url: string) => createUpstream({ url, timeout: seconds(5), retryPause: 1 })
    const upstream = new RoutedUpstream([
      { match: '@acme/*', upstream: to(acme.url) },
      { match: '*', upstream: to(npm.url) },
    ])
    await using app = await testApp({ engine, upstream })
    for (const path of ['/@acme%2fbox', '/@Acme%2fbox', `/@acme/box/-/box-${LURE}.tgz`])
      expect((await app.anonymous().get(path)).status).toBe(404)
    await acme.stop()
    expect((await app.anonymous().get('/@acme%2fbag')).status).toBe(502)
    expect(npm.count()).toBe(0)
  })
})
