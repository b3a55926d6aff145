import { IncomingMessage, request } from 'node:http'
import { Socket } from 'node:net'
import { brotliDecompressSync, gunzipSync, zstdDecompressSync } from 'node:zlib'
import { expect, test, vi } from 'vitest'
import { isUnmodified } from '../../src/server/http/answer.ts'
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
  const since = (date: string) => anybody.get('/left', { 'if-modified-since': date })
  const same = await since(modified)
  expect(same.status).toBe(304)
  for (const header of ['etag', 'cache-control', 'vary', 'last-modified'])
    expect([header, same.headers.has(header)]).toEqual([header, true])
  expect((await since('Thu, 01 Jan 2015 00:00:00 GMT')).status).toBe(200)
  expect((await since('no date')).status).toBe(200)
  const both = { 'if-modified-since': modified, 'if-none-match': '"other"' }
  expect((await anybody.get('/left', both)).status).toBe(200)
})

test('a change of this very second is not taken for none', () => {
  const message = new IncomingMessage(new Socket())
  message.headers['if-modified-since'] = new Date(5000).toUTCString()
  const isUnmodifiedAt = (now: number, modified: number) => {
    vi.setSystemTime(now)
    return isUnmodified(message, modified)
  }
  expect(isUnmodifiedAt(7998, 5999)).toBe(false)
  expect(isUnmodifiedAt(7999, 5999)).toBe(true)
  expect(isUnmodifiedAt(9000, 6000)).toBe(false)
  expect(isUnmodifiedAt(9000, 4999)).toBe(false)
  vi.useRealTimers()
})

test('errors say in the reason phrase what is wrong', async () => {
  await using app = await testApp()
  const reply = await fetch(`${app.url}/-/nothing`)
  expect([reply.status, reply.statusText]).toEqual([404, 'Could not find "GET /-/nothing"'])
})
