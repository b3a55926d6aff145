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
  await (await app.user('kim')).publish('box', '1.0.0')
  const plain = await raw(`${app.url}/box`, {})
  expect(plain.encoding).toBeUndefined()
  for (const [encoding, decode] of Object.entries(decoders)) {
    const { encoding: got, body } = await raw(`${app.url}/box`, { 'accept-encoding': encoding })
    expect(got).toBe(encoding)
    expect(decode(body).equals(plain.body)).toBe(true)
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
  await using app = await testApp()
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

test('changes within one second have dates of their own', async () => {
  const moment = Date.parse('2030-01-02T03:04:05.250Z')
  await using app = await testApp({ inside: true, clock: { now: () => moment } })
  const kim = await app.user('kim')
  const dates: string[] = []
  for (const version of ['1.0.0', '1.0.1', '1.0.2']) {
    await kim.publish('box', version)
    for (const known of dates)
      expect((await kim.get('/box', { 'if-modified-since': known })).status).toBe(200)
    dates.push((await kim.get('/box')).headers.get('last-modified') ?? '')
    expect((await kim.get('/box', { 'if-modified-since': dates.at(-1) ?? '' })).status).toBe(304)
  }
  expect(dates).toEqual([5, 6, 7].map((second) => `Wed, 02 Jan 2030 03:04:0${second} GMT`))
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
