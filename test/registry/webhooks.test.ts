import { createHmac } from 'node:crypto'
import { expect, test } from 'vitest'
import { days } from '../../src/base/time.ts'
import { PAUSES } from '../../src/registry/webhooks/courier.ts'
import { updateWebhook } from '../../src/storage/tables/webhooks.ts'
import { type TestApp, testApp } from '../support/app.ts'
import { TurnedClock } from '../support/mirror.ts'
import type { NpmUser } from '../support/npm-user.ts'
import { Receiver } from '../support/receiver.ts'
import { onEveryEngine } from '../support/services.ts'
import { Visitor } from '../support/visitor.ts'

const HOOKS = '/-/npm/v1/hooks'
const webhooks = { privateAddresses: true }

const hook = (user: NpmUser, type: string, name: string, endpoint: string) =>
  user.send('POST', `${HOOKS}/hook`, { body: { type, name, endpoint, secret: 'shared secret' } })

onEveryEngine('webhooks', (engine) => {
  test('hear of what happens to their package, scope, owner or registry, signed', async () => {
    await using app = await testApp({ engine, webhooks })
    await using receiver = await Receiver.start()
    const kim = await app.user('kim')
    const root = await app.user('root', { admin: true })
    await kim.publish('@kim/box', '1.0.0')
    const made = await hook(kim, 'package', '@kim/box', receiver.url)
    expect(made.status).toBe(201)
    expect(JSON.stringify(made.json)).not.toContain('shared secret')
    for (const [type, name] of [
      ['scope', '@kim'],
      ['owner', 'kim'],
    ] as const)
      expect((await hook(kim, type, name, receiver.url)).status).toBe(201)
    expect((await hook(root, 'registry', '', receiver.url)).status).toBe(201)
    await kim.publish('@kim/box', '1.1.0')
    await kim.send('PUT', '/-/package/@kim%2fbox/dist-tags/next', { body: '"1.1.0"' })
    await kim.publish('@kim/other', '1.0.0')
    expect(await app.registry.courier.deliverDue()).toBe(4 + 4 + 3 + 3)
    expect(receiver.events.filter((it) => it === 'package:publish')).toHaveLength(4 + 3)
    expect(receiver.events.filter((it) => it === 'package:dist-tag')).toHaveLength(4)
    const { headers, body } = receiver.received[0] ?? { headers: {}, body: '' }
    const signed = `${headers['webhook-id']}.${headers['webhook-timestamp']}.${body}`
    const mac = (text: string) => createHmac('sha256', 'shared secret').update(text)
    expect(headers['webhook-signature']).toBe(`v1,${mac(signed).digest('base64')}`)
    expect(headers['x-npm-signature']).toBe(`sha256=${mac(body).digest('hex')}`)
    expect(await app.registry.courier.deliverDue()).toBe(0)
  })

  test('are tried again with growing pauses, then given up, and sent anew when asked', async () => {
    const clock = new TurnedClock()
    await using app = await testApp({ engine, webhooks, clock })
    await using receiver = await Receiver.start()
    const kim = await app.user('kim')
    await kim.publish('box', '1.0.0')
    const { id } = (await hook(kim, 'package', 'box', receiver.url)).json
    receiver.status = 500
    await kim.publish('box', '1.1.0')
    const { courier } = app.registry
    for (const pause of PAUSES) {
      expect(await courier.deliverDue()).toBe(1)
      clock.turn(pause - 1)
      expect(await courier.deliverDue()).toBe(0)
      clock.turn(1)
    }
    expect(await courier.deliverDue()).toBe(1)
    clock.turn(days(9))
    expect(await courier.deliverDue()).toBe(0)
    const log = `${HOOKS}/hook/${id}/deliveries`
    const [failed] = (await kim.get(log)).json.objects
    expect(failed).toMatchObject({
      attempts: PAUSES.length + 1,
      status: 500,
      problem: 'it answered 500',
      due: null,
    })
    receiver.status = 204
    expect((await kim.send('POST', `${log}/${failed.id}`)).status).toBe(202)
    expect(await courier.deliverDue()).toBe(1)
    expect((await kim.get(log)).json.objects[0]).toMatchObject({ attempts: 1, status: 204, due: null })
    expect(new Set(receiver.received.map(({ headers }) => headers['webhook-id'])).size).toBe(1)
  })

  test('are sent once, however many servers look at the same time', async () => {
    await using app = await testApp({ engine, webhooks })
    await using receiver = await Receiver.start()
    const kim = await app.user('kim')
    await kim.publish('box', '1.0.0')
    await hook(kim, 'package', 'box', receiver.url)
    for (const version of ['1.1.0', '1.2.0', '1.3.0']) await kim.publish('box', version)
    const { courier } = app.registry
    await Promise.all([courier.deliverDue(), courier.deliverDue(), courier.deliverDue()])
    expect(receiver.received).toHaveLength(3)
  })
})

test('a private address is refused at once unless allowed, and a redirect is not followed', async () => {
  await using receiver = await Receiver.start()
  receiver.status = 302
  receiver.headers = { location: receiver.url }
  await using app = await testApp({ webhooks: { privateAddresses: false } })
  const kim = await app.user('kim')
  await kim.publish('box', '1.0.0')
  const { json } = await hook(kim, 'package', 'box', 'https://hooks.example/')
  for (const host of ['127.0.0.1', 'localhost', 'a.localhost.', '10.1.2.3', '[::1]', '[::ffff:127.0.0.1]']) {
    const url = `http://${host}:8080/`
    const why =
      /^".+" is an address of a private network, where this must not lead, unless the operator sets WEBHOOK_PRIVATE$/
    const update = kim.send('PUT', `${HOOKS}/hook/${json.id}`, {
      body: { endpoint: url, secret: 'shared secret' },
    })
    for (const refused of [await hook(kim, 'package', 'box', url), await update]) {
      expect([url, refused.status]).toEqual([url, 400])
      expect(refused.json.error).toMatch(why)
    }
  }
  // Made while it was allowed.
  const change = { url: receiver.url, updated_at: 0 }
  await app.storage.sql.transaction((tx) => updateWebhook(tx, json.id, change))
  await kim.publish('box', '1.1.0')
  await app.registry.courier.deliverDue()
  expect(await problemOf(app, kim)).toMatch(/is an address of a private network/)
  expect(receiver.received).toHaveLength(0)
  await using open = await testApp({ webhooks })
  const lee = await open.user('lee')
  await lee.publish('box', '1.0.0')
  await hook(lee, 'package', 'box', receiver.url)
  await lee.publish('box', '1.1.0')
  await open.registry.courier.deliverDue()
  expect(await problemOf(open, lee)).toBe('it answered 302')
  expect(receiver.received).toHaveLength(1)
})

async function problemOf({ registry }: TestApp, { token = '' }: NpmUser): Promise<string | undefined> {
  const caller = await registry.tokens.identify(token)
  const [first] = await registry.webhooks.list(caller ?? { kind: 'anonymous' })
  return first?.last?.problem
}

test('only those who may change what a webhook hears of may see or make it', async () => {
  await using app = await testApp()
  const [kim, lee] = [await app.user('kim'), await app.user('lee')]
  await kim.publish('@kim/box', '1.0.0')
  const url = 'https://hooks.example/'
  expect((await hook(lee, 'package', '@kim/box', url)).status).toBe(403)
  expect((await hook(lee, 'scope', '@kim', url)).status).toBe(403)
  expect((await hook(kim, 'registry', '', url)).status).toBe(403)
  expect((await hook(app.anonymous(), 'package', '@kim/box', url)).status).toBe(401)
  const { id } = (await hook(kim, 'package', '@kim/box', url)).json
  const path = `${HOOKS}/hook/${id}`
  expect((await lee.get(HOOKS)).json.objects).toEqual([])
  expect((await kim.get(HOOKS)).json.objects).toHaveLength(1)
  for (const [method, body] of [
    ['GET'],
    ['DELETE'],
    ['PUT', { endpoint: url, secret: 'another one' }],
  ] as const)
    expect((await lee.send(method, path, body && { body })).status).toBe(404)
  expect((await lee.get(`${path}/deliveries`)).status).toBe(404)
})

test.each([
  [{ type: 'package', name: 'box', endpoint: 'ftp://hooks.example', secret: 'long enough' }, /http/],
  [{ type: 'package', name: 'box', endpoint: 'https://a:b@hooks.example', secret: 'long enough' }, /user/],
  [{ type: 'package', name: 'box', endpoint: 'https://hooks.example', secret: 'short' }, /secret/],
  [{ type: 'world', name: 'box', endpoint: 'https://hooks.example', secret: 'long enough' }, /"type"/],
  [{ type: 'package', name: 'box' }, /"endpoint"/],
])('%j is refused with what is allowed', async (body, why) => {
  await using app = await testApp()
  const kim = await app.user('kim')
  await kim.publish('box', '1.0.0')
  const { status, json } = await kim.send('POST', `${HOOKS}/hook`, { body })
  expect(status).toBe(400)
  expect(json.error).toMatch(why)
})

test('in the browser: the secret is shown once, the log tells what was sent, and sends it again', async () => {
  await using app = await testApp({ webhooks })
  await using receiver = await Receiver.start()
  const npm = await app.user('kim')
  await npm.publish('box', '1.0.0')
  const kim = new Visitor(app.url)
  await kim.logIn('kim')
  await kim.get('/www/webhooks')
  const made = await kim.submit('/www/webhooks', { kind: 'package', name: 'box', url: receiver.url })
  expect(made.text).toContain('whsec_')
  const list = await kim.get('/www/webhooks')
  expect(list.text).not.toContain('whsec_')
  const path = /\/www\/webhooks\/[\w-]+/.exec(list.text)?.[0] ?? ''
  await npm.publish('box', '1.1.0')
  await app.registry.courier.deliverDue()
  const log = await kim.get(path)
  expect(log.text).toContain('package:publish')
  expect(log.text).toContain('taken with 204')
  expect((await kim.submit(`${path}/redeliver`)).text).toContain('It is sent again')
  await app.registry.courier.deliverDue()
  expect(receiver.events).toEqual(['package:publish', 'package:publish'])
  expect((await kim.submit(`${path}/remove`)).text).toContain('No webhooks yet')
})
