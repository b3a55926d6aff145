import { request } from 'node:http'
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { testApp } from '../support/app.ts'
import { startUpstream } from '../support/upstream.ts'

const decoders = { gzip: gunzipSync, br: brotliDecompressSync, zstd: zstdDecompressSync }

/** The reply as it comes over the wire; fetch would decode it. */
async function raw(address: string, headers: Record<string, string>) {
  const { promise, resolve, reject } = Promise.withResolvers<{ encoding: string | undefined; body: Buffer }>()
  const asking = request(address, { headers }, (reply) => {
    Array.fromAsync(reply).then(
      (chunks) => resolve({ encoding: reply.headers['content-encoding'], body: Buffer.concat(chunks) }),
      reject,
    )
  })
  asking.on('error', reject).end()
  return promise
}

test('packuments come in the encoding that was asked for', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  // Short and long ones leave by different ways, and the second time from memory.
  const descriptions = { box: 'Kästchen 箱 🧰', chest: 'Truhe ä 箱 🧰'.repeat(5000) }
  for (const [name, description] of Object.entries(descriptions)) {
    await kim.publish(name, '1.0.0', { manifest: { description } })
    const plain = await raw(`${app.url}/${name}`, {})
    expect(plain.encoding).toBeUndefined()
    expect(JSON.parse(plain.body.toString()).versions['1.0.0'].description).toBe(description)
    expect((await raw(`${app.url}/${name}`, {})).body.equals(plain.body)).toBe(true)
    for (const [encoding, decode] of [...Object.entries(decoders), ...Object.entries(decoders)]) {
      const { encoding: got, body } = await raw(`${app.url}/${name}`, { 'accept-encoding': encoding })
      expect(got).toBe(encoding)
      expect(decode(body).equals(plain.body)).toBe(true)
    }
  }
  const refused = await raw(`${app.url}/box`, { 'accept-encoding': 'zstd;q=0, br;q=0, gzip' })
  expect(refused.encoding).toBe('gzip')
  expect((await raw(`${app.url}/box`, { 'accept-encoding': 'gzip/deflate' })).encoding).toBeUndefined()
})

test('Last-Modified is when the package last changed where it comes from, by HEAD too', async () => {
  const time = '2021-03-04T05:06:07.000Z'
  await using upstream = await startUpstream({ packages: { left: { '1.0.0': { time } } } })
  await using app = await testApp({ upstream: upstream.url })
  const anybody = app.anonymous()
  const modified = new Date(time).toUTCString()
  const head = await anybody.send('HEAD', '/left')
  expect([head.status, head.headers.get('last-modified')]).toEqual([200, modified])
  expect(head.bytes).toHaveLength(0)
})

test('who knows no ETag but the very date of our last change has the document', async () => {
  const clock = { now: () => Date.parse('2030-01-02T03:04:05.250Z') }
  await using app = await testApp({ inside: true, clock })
  const kim = await app.user('kim')
  await kim.publish('box', '1.0.0')
  const modified = (await kim.get('/box')).headers.get('last-modified') ?? ''
  const since = (date: string) => kim.get('/box', { 'if-modified-since': date })
  const same = await since(modified)
  expect(same.status).toBe(304)
  for (const header of ['etag', 'cache-control', 'vary', 'last-modified'])
    expect([header, same.headers.has(header)]).toEqual([header, true])
  // That a date is later tells nothing: servers' clocks differ.
  for (const other of ['Thu, 01 Jan 2015 00:00:00 GMT', 'Thu, 01 Jan 2150 00:00:00 GMT', 'no date'])
    expect((await since(other)).status).toBe(200)
  const both = { 'if-modified-since': modified, 'if-none-match': '"other"' }
  expect((await kim.get('/box', both)).status).toBe(200)
})

test('by a date that two changes share nobody is told that nothing has changed, and no burst of them runs ahead', async () => {
  const at = (second: number) => Date.parse('2030-01-02T03:04:00.250Z') + second * 1000
  let moment = 0
  await using app = await testApp({ inside: true, clock: { now: () => moment } })
  const kim = await app.user('kim')
  const dates = new Set<string>()
  // The fourth is by a clock that is behind.
  const seconds = [5, 5, 5, 3, 6, 9]
  const own: number[] = []
  for (const [n, second] of seconds.entries()) {
    moment = at(second)
    await kim.publish('box', `1.0.${n}`)
    const { headers, json } = await kim.get('/box')
    const date = headers.get('last-modified') ?? ''
    for (const known of dates)
      expect([n, (await kim.get('/box', { 'if-modified-since': known })).status]).toEqual([n, 200])
    if ((await kim.get('/box', { 'if-modified-since': date })).status === 304) own.push(n)
    dates.add(date)
    expect(Date.parse(json.time.modified)).toBeGreaterThanOrEqual(Date.parse(json.time[`1.0.${n}`]))
    expect(Date.parse(json.time.modified)).toBeLessThan(at(Math.max(...seconds.slice(0, n + 1))) + 1000)
  }
  expect(own).toEqual([0, 5])
})

test('an upstream’s date, which two states may share, is taken for neither', async () => {
  const time = '2021-03-04T05:06:07.000Z'
  await using upstream = await startUpstream({ packages: { left: { '1.0.0': { time } } } })
  await using app = await testApp({ upstream: upstream.url })
  const since = { 'if-modified-since': new Date(time).toUTCString() }
  expect((await app.anonymous().get('/left', since)).status).toBe(200)
})

test('errors say in the reason phrase what is wrong', async () => {
  await using app = await testApp()
  const reply = await fetch(`${app.url}/-/nothing`)
  expect([reply.status, reply.statusText]).toEqual([404, 'Could not find "GET /-/nothing"'])
})

test('a wrong method is told the right ones, and a wrong path that there is nothing', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  await kim.publish('@kim/box', '1.0.0')
  const tarball = ['GET', 'HEAD', 'OPTIONS']
  for (const [path, methods] of [
    ['/@kim%2fbox', ['GET', 'HEAD', 'OPTIONS', 'PUT']],
    ['/@kim/box/-/box-1.0.0.tgz', tarball],
    ['/-/whoami', tarball],
    ['/-/user/v1/star', ['DELETE', 'GET', 'HEAD', 'OPTIONS', 'PUT']],
  ] as const) {
    const wrong = await kim.send('POST', path)
    expect([path, wrong.status, wrong.json.code]).toEqual([path, 405, 'METHOD_NOT_ALLOWED'])
    expect(wrong.headers.get('allow')?.split(', ').sort()).toEqual(methods)
    const options = await kim.send('OPTIONS', path)
    expect([options.status, options.headers.get('allow')]).toEqual([204, wrong.headers.get('allow')])
  }
  for (const path of ['/-/nothing', '/-/user/kim', '/a/b/c/d'])
    expect([path, (await kim.send('PUT', path, { body: {} })).status]).toEqual([path, 404])
})

test('a name that is a route here is not put beside it, but under /npm/', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  const curl = {
    authorization: `Bearer ${kim.token}`,
    'user-agent': 'curl/8',
    'content-type': 'application/json',
  }
  for (const name of ['npm', 'v1', 'www']) {
    const reply = await fetch(`${app.url}/${name}`, { method: 'PUT', headers: curl, body: '{}' })
    const why = `this name is a route here; the package is published and read under ${app.url}/npm/`
    expect([reply.status, Object.values((await reply.json()) as object)]).toEqual([
      404,
      expect.arrayContaining([`Could not find "${name}": ${why}`]),
    ])
  }
})

test('a token that is nobody’s is told from none', async () => {
  await using app = await testApp()
  const why = async (headers: Record<string, string>) =>
    (await app.anonymous().get('/-/whoami', headers)).json.error
  const phrase = 'You must be logged in to perform this action'
  expect(await why({})).toBe(phrase)
  expect(await why({ authorization: 'Bearer ent_unknown' })).toBe(
    `${phrase}: the token or password that was sent is unknown, revoked or expired`,
  )
})

test('a member of no namespace is told how one is made', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  const { status, json } = await kim.send('PUT', '/-/org/acme/user', { body: { user: 'lee' } })
  expect(status).toBe(404)
  expect(json.error).toBe(
    'Could not find "acme": a namespace is made by publishing @acme/… first, or by POST /v1/namespaces',
  )
})
