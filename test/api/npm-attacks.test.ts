import { connect } from 'node:net'
import { gunzipSync, gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { testApp } from '../support/app.ts'
import { publishDocument } from '../support/npm-user.ts'
import { onEveryEngine } from '../support/services.ts'
import { packageTarball, tarballOf } from '../support/tarball.ts'

onEveryEngine('races for rights', (engine) => {
  test('of two who publish into a new name at once, one gets it and the other nothing', async () => {
    await using app = await testApp({ engine })
    const [kim, bob] = [await app.user('kim'), await app.user('bob')]
    for (const name of ['box', '@tools/box']) {
      const publish = (n: number) => (n % 2 ? kim : bob).publish(name, `1.0.${n}`)
      const replies = await Promise.all(Array.from({ length: 16 }, (_, n) => publish(n)))
      const { json } = await kim.get(`/${name}`)
      const owners = Object.values<{ _npmUser: { name: string } }>(json.versions).map(
        (it) => it._npmUser.name,
      )
      expect(new Set(owners).size).toBe(1)
      expect(replies.filter(({ status }) => status === 201)).toHaveLength(owners.length)
      expect(replies.filter(({ status }) => status === 403)).toHaveLength(16 - owners.length)
    }
  })
})

test('a tarball in which a path stands twice is refused, whatever its size', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  const twice = [
    '{"name":"box","version":"1.0.0"}',
    JSON.stringify({ name: 'evil', pad: 'x'.repeat(1_200_000) }),
  ]
  const [first, second] = await Promise.all(twice.map((text) => tarballOf({ 'package/package.json': text })))
  // The first archive without its end, then the second: as a tar program appends.
  const both = Buffer.concat([gunzipSync(first ?? '').subarray(0, 1024), gunzipSync(second ?? '')])
  const reply = await kim.publish('box', '1.0.0', { tarball: gzipSync(both) })
  expect([reply.status, reply.json.error]).toEqual([400, expect.stringContaining('package.json')])
})

test('a tarball that goes on behind its end is refused: some would see more files in it than others', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  const [first, second] = await Promise.all([
    packageTarball({ name: 'box', version: '1.0.0' }),
    tarballOf({ 'package/hidden.js': 'x' }),
  ])
  const archive = gunzipSync(first)
  const publish = (end: Buffer) =>
    kim.publish('box', '1.0.0', { tarball: gzipSync(Buffer.concat([archive, end])) })
  for (const end of [gunzipSync(second), Buffer.alloc(512, 'x'), Buffer.from('x')]) {
    const { status, json } = await publish(end)
    expect([status, json.error]).toEqual([400, expect.stringContaining('tarball')])
  }
  // Many tools fill up with zeros.
  expect((await publish(Buffer.alloc(10_240))).status).toBe(201)
})

test('a new version without a tarball is refused, of a new package too', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  const document = await publishDocument('box', '1.0.0')
  delete document._attachments
  const refused = [400, expect.stringContaining('A publish attaches exactly one .tgz')]
  const put = async () => {
    const { status, json } = await kim.send('PUT', '/box', { body: document })
    return [status, json.error]
  }
  expect(await put()).toEqual(refused)
  expect((await kim.publish('box', '0.9.0')).status).toBe(201)
  expect(await put()).toEqual(refused)
  expect(Object.keys((await kim.get('/box')).json.versions)).toEqual(['0.9.0'])
})

test('an install script in the tarball is told, also when the manifest keeps silent about it', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  const scripts = { postinstall: 'node x.js' }
  const tarball = await packageTarball({ name: 'box', version: '1.0.0', scripts })
  expect((await kim.publish('box', '1.0.0', { tarball })).status).toBe(201)
  expect((await kim.get('/box')).json.versions['1.0.0'].hasInstallScript).toBe(true)
})

test('a body of countless values, and a second tarball, are refused before they are kept', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  const flood = `{"versions":1,"a":[${'{},'.repeat(1_100_000)}{}]}`
  expect((await kim.send('PUT', '/box', { body: flood })).status).toBe(400)
  const document = await publishDocument('box', '1.0.0')
  document._attachments['box-1.0.1.tgz'] = { data: gzipSync('other').toString('base64') }
  const reply = await kim.send('PUT', '/box', { body: document })
  expect([reply.status, reply.json.error]).toEqual([400, 'a publish attaches exactly one .tgz'])
})

test('a read-only token ends itself, and no other', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  const issue = () => app.registry.tokens.issue({ accountName: 'kim', description: 'ci', access: 'read' })
  const token = await issue()
  const headers = { authorization: `Bearer ${token.secret}` }
  const { json } = await kim.get('/-/npm/v1/tokens')
  const other = json.objects.find(({ key }: { key: string }) => key !== token.id)
  const revoke = (key: string) => app.anonymous().send('DELETE', `/-/npm/v1/tokens/token/${key}`, { headers })
  expect((await revoke(other.key)).status).toBe(403)
  expect((await app.anonymous().send('DELETE', `/-/user/token/${kim.token}`, { headers })).status).toBe(403)
  expect((await revoke(token.id)).status).toBe(204)
})

test('a restriction of a token that is not understood is refused, not dropped', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  const create = (grant: object) =>
    kim.send('POST', '/-/npm/v1/tokens', { body: { name: 'ci', password: 'kim-password', ...grant } })
  for (const grant of [{ cidr_whitelist: [5] }, { cidr_whitelist: {} }, { packages: [{}] }])
    expect([grant, (await create(grant)).status]).toEqual([grant, 400])
})

test('a password that was changed opens nothing any more, not even for a moment', async () => {
  await using app = await testApp()
  await app.user('bob')
  const headers = { authorization: `Basic ${Buffer.from('bob:bob-password').toString('base64')}` }
  const whoami = () => app.anonymous().get('/-/whoami', headers)
  expect((await whoami()).status).toBe(200)
  await app.registry.accounts.setPassword('bob', 'another password')
  expect((await whoami()).status).toBe(401)
})

test('the scope @legacy is no other name for packages without scope', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  await kim.publish('box', '1.0.0')
  expect((await kim.get('/@legacy%2fbox')).status).toBe(404)
})

test('a scope that is no namespace cannot be claimed by publishing', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  expect((await kim.publish('@__proto__/x', '1.0.0')).status).toBe(400)
})

test('a request target that is no path is refused', async () => {
  await using app = await testApp()
  const { port } = new URL(app.url)
  const reply = await new Promise<string>((resolve) => {
    const socket = connect(Number(port), '127.0.0.1', () =>
      socket.write('GET http://[::1 HTTP/1.1\r\nHost: x\r\n\r\n'),
    )
    socket.on('data', (bytes) => {
      resolve(bytes.toString())
      socket.destroy()
    })
  })
  expect(reply).toMatch(/^HTTP\/1\.1 400 /)
})
