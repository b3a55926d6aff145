import { Readable } from 'node:stream'
import { buffer } from 'node:stream/consumers'
import { expect, onTestFinished, test } from 'vitest'
import { type FaultCode, isFault } from '../../src/base/fault.ts'
import { seconds } from '../../src/base/time.ts'
import { HostGuard, isPrivateAddress } from '../../src/registry/mirror/hosts.ts'
import { createUpstream, type Upstream, type UpstreamOptions } from '../../src/registry/upstream.ts'
import { type ScriptedUpstream, startUpstream, tarballPath } from '../support/upstream.ts'

const NOTHING = { etag: undefined, lastModified: undefined }
const TARBALL = tarballPath('left-pad', '1.3.0')

async function asking(
  options: Partial<UpstreamOptions> = {},
): Promise<{ scripted: ScriptedUpstream; upstream: Upstream }> {
  const scripted = await startUpstream({
    packages: { 'left-pad': { '1.3.0': {} }, '@types/node': { '1.0.0': {} } },
  })
  const upstream = createUpstream({ url: scripted.url, timeout: seconds(5), retryPause: 1, ...options })
  onTestFinished(async () => {
    await upstream.close()
    await scripted.stop()
  })
  return { scripted, upstream }
}

async function faultOf(work: Promise<unknown>): Promise<{ code: FaultCode; message: string }> {
  const error = await work.then(
    () => undefined,
    (thrown: unknown) => thrown,
  )
  if (!isFault(error)) throw new Error('expected a Fault', { cause: error })
  return { code: error.code, message: error.message }
}

async function body(answer: { kind: string; body?: AsyncIterable<Uint8Array> }): Promise<Buffer> {
  return buffer(Readable.from(answer.body ?? []))
}

test('a document is fetched gzipped, and with its ETag only once', async () => {
  const { scripted, upstream } = await asking()
  const answer = await upstream.document('@types/node', NOTHING)
  if (answer.kind !== 'fresh') throw new Error(answer.kind)
  expect(answer).toMatchObject({ encoding: 'gzip', etag: expect.stringMatching(/^"/) })
  expect((await body(answer)).subarray(0, 2)).toEqual(Buffer.from([0x1f, 0x8b]))
  expect(scripted.requests[0]?.headers).toMatchObject({
    accept: 'application/json',
    'accept-encoding': 'gzip',
  })
  expect(await upstream.document('@types/node', answer)).toEqual({ kind: 'same' })
})

test('what upstream does not have is absent, not a failure', async () => {
  const { upstream } = await asking()
  expect(await upstream.document('nowhere', NOTHING)).toMatchObject({ kind: 'absent', known: true })
})

test('what upstream keeps from us is absent too, with the reason', async () => {
  const { scripted, upstream } = await asking()
  scripted.misbehave('/left-pad', { status: 403 })
  const answer = await upstream.document('left-pad', NOTHING)
  expect(answer).toEqual({ kind: 'absent', known: false, why: 'it refuses access (403)' })
})

test('a tarball comes with its length', async () => {
  const { scripted, upstream } = await asking()
  const answer = await upstream.tarball('left-pad@1.3.0', scripted.url + TARBALL)
  const tarball = scripted.tarball('left-pad', '1.3.0')
  expect(answer).toMatchObject({ kind: 'fresh', size: tarball.length })
  expect(await body(answer)).toEqual(tarball)
})

test('a server that failed once is asked once more, after the time it asked for', async () => {
  const { scripted, upstream } = await asking()
  scripted.misbehave('/left-pad', { status: 503, headers: { 'retry-after': '0' } }, 1)
  expect(await upstream.document('left-pad', NOTHING)).toMatchObject({ kind: 'fresh' })
  expect(scripted.count('/left-pad')).toBe(2)
})

test('a connection that broke is tried once more', async () => {
  const { scripted, upstream } = await asking()
  scripted.misbehave('/left-pad', 'close', 1)
  expect(await upstream.document('left-pad', NOTHING)).toMatchObject({ kind: 'fresh' })
  expect(scripted.count('/left-pad')).toBe(2)
})

test('a server that goes on failing is unavailable after two requests', async () => {
  const { scripted, upstream } = await asking()
  scripted.misbehave('/left-pad', { status: 500 })
  expect(await faultOf(upstream.document('left-pad', NOTHING))).toEqual({
    code: 'UPSTREAM_UNAVAILABLE',
    message: 'left-pad is not stored here and the upstream registry failed: it answered 500',
  })
  expect(scripted.count('/left-pad')).toBe(2)
})

test('a server that wants to be left alone for long is not asked again', async () => {
  const { scripted, upstream } = await asking()
  scripted.misbehave('/left-pad', { status: 429, headers: { 'retry-after': '120' } })
  expect(await faultOf(upstream.document('left-pad', NOTHING))).toMatchObject({
    code: 'UPSTREAM_UNAVAILABLE',
  })
  expect(scripted.count('/left-pad')).toBe(1)
})

test('a server that is not there is unavailable', async () => {
  const { scripted, upstream } = await asking()
  await scripted.stop()
  expect(await faultOf(upstream.document('left-pad', NOTHING))).toMatchObject({
    code: 'UPSTREAM_UNAVAILABLE',
    message: expect.stringContaining('nobody listens'),
  })
})

test('a server that stays silent runs into the time-out', async () => {
  const { scripted, upstream } = await asking({ timeout: 50 })
  scripted.misbehave('/left-pad', 'hang')
  expect(await faultOf(upstream.document('left-pad', NOTHING))).toMatchObject({ code: 'UPSTREAM_TIMEOUT' })
  expect(scripted.count('/left-pad')).toBe(1)
})

test('a body that stops coming runs into the time-out', async () => {
  const { scripted, upstream } = await asking({ timeout: 50 })
  scripted.hold(TARBALL, 20)
  const answer = await upstream.tarball('left-pad@1.3.0', scripted.url + TARBALL)
  expect(await faultOf(body(answer))).toMatchObject({ code: 'UPSTREAM_TIMEOUT' })
})

test('a body that is cut fails', async () => {
  const { scripted, upstream } = await asking()
  scripted.misbehave(TARBALL, { cut: 20 })
  const answer = await upstream.tarball('left-pad@1.3.0', scripted.url + TARBALL)
  expect(await faultOf(body(answer))).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' })
})

test('a body without end is cut off at the limit', async () => {
  const { scripted, upstream } = await asking({ limits: { document: 100_000, tarball: 100_000 } })
  scripted.misbehave('/left-pad', 'endless')
  const answer = await upstream.document('left-pad', NOTHING)
  expect(await faultOf(body(answer))).toMatchObject({ code: 'UPSTREAM_INVALID' })
})

test('an encoding nobody asked for is refused', async () => {
  const { scripted, upstream } = await asking()
  scripted.misbehave('/left-pad', (_, reply) => void reply.setHeader('content-encoding', 'br').end('x'))
  expect(await faultOf(upstream.document('left-pad', NOTHING))).toMatchObject({ code: 'UPSTREAM_INVALID' })
})

test('a request is given up when its caller does', async () => {
  const { scripted, upstream } = await asking()
  scripted.misbehave('/left-pad', 'hang')
  const giving = new AbortController()
  const failing = faultOf(upstream.document('left-pad', NOTHING, giving.signal))
  await scripted.asked('/left-pad')
  giving.abort()
  expect(await failing).toMatchObject({ code: 'UPSTREAM_UNAVAILABLE' })
})

test('a redirect within the upstream is followed', async () => {
  const { scripted, upstream } = await asking()
  scripted.misbehave('/old-name', { status: 301, headers: { location: '/left-pad' } })
  expect(await upstream.document('old-name', NOTHING)).toMatchObject({ kind: 'fresh' })
})

test('a redirect that leads in circles ends', async () => {
  const { scripted, upstream } = await asking()
  scripted.misbehave('/left-pad', 'redirect loop')
  expect(await faultOf(upstream.document('left-pad', NOTHING))).toMatchObject({ code: 'UPSTREAM_INVALID' })
  expect(scripted.count('/left-pad')).toBe(6)
})

test('a redirect of a document to another host is refused', async () => {
  const { scripted, upstream } = await asking()
  await using other = await startUpstream({ packages: { 'left-pad': { '1.3.0': {} } } })
  scripted.misbehave('/left-pad', { status: 302, headers: { location: `${other.url}/left-pad` } })
  expect(await faultOf(upstream.document('left-pad', NOTHING))).toMatchObject({ code: 'UPSTREAM_INVALID' })
  expect(other.count()).toBe(0)
})

test('an upstream on a private network sends us to no other port or machine than those named for it', async () => {
  const { scripted, upstream } = await asking()
  await using other = await startUpstream({ packages: { 'left-pad': { '1.3.0': {} } } })
  const refused = { code: 'UPSTREAM_INVALID', message: expect.stringContaining('"tarballs" of its row') }
  const far = other.url + TARBALL
  for (const address of [far, far.replace('127.0.0.1', 'localhost'), 'https://elsewhere.invalid/x.tgz'])
    expect(await faultOf(upstream.tarball('left-pad@1.3.0', address))).toMatchObject(refused)
  scripted.misbehave('/moved.tgz', { status: 302, headers: { location: far } })
  const moved = `${scripted.url}/moved.tgz`
  expect(await faultOf(upstream.tarball('left-pad@1.3.0', moved))).toMatchObject(refused)
  expect(other.count()).toBe(0)
  const allowing = createUpstream({ url: scripted.url, timeout: seconds(5), tarballs: [other.url] })
  onTestFinished(() => allowing.close())
  for (const address of [far, moved])
    expect((await body(await allowing.tarball('left-pad@1.3.0', address))).length).toBeGreaterThan(0)
  await using third = await startUpstream()
  expect(await faultOf(allowing.tarball('left-pad@1.3.0', third.url + TARBALL))).toMatchObject(refused)
  expect([other.count(), third.count()]).toEqual([2, 0])
})

test('the token goes to the upstream, and to nobody else', async () => {
  await using other = await startUpstream({ packages: { 'left-pad': { '1.3.0': {} } } })
  const { scripted, upstream } = await asking({ token: 'secret', tarballs: [other.url] })
  await upstream.document('left-pad', NOTHING)
  await upstream.tarball('left-pad@1.3.0', other.url + TARBALL)
  expect(scripted.requests[0]?.headers.authorization).toBe('Bearer secret')
  expect(other.requests[0]?.headers).not.toHaveProperty('authorization')
})

test.each(['file:///etc/passwd', 'http://user@127.0.0.1/x.tgz', 'nonsense'])(
  'a tarball is not fetched from "%s"',
  async (address) => {
    const { upstream } = await asking()
    expect(await faultOf(upstream.tarball('x@1.0.0', address))).toMatchObject({ code: 'UPSTREAM_INVALID' })
  },
)

test('a public upstream cannot send us to a private address', async () => {
  // An address of the internet's own, which nothing here connects to.
  const upstream = createUpstream({ url: 'https://1.1.1.1', timeout: seconds(5) })
  onTestFinished(() => upstream.close())
  for (const host of ['127.0.0.1', '[::1]', '10.0.0.1', '169.254.169.254', '[::ffff:10.0.0.1]'])
    expect(await faultOf(upstream.tarball('x@1.0.0', `https://${host}/x.tgz`))).toMatchObject({
      code: 'UPSTREAM_INVALID',
      message: expect.stringContaining('private network'),
    })
})

test('nor to a name that turns out to be one', async () => {
  const guard = new HostGuard(new URL('https://1.1.1.1'))
  const error = await new Promise((resolve) => guard.lookup('localhost', { all: true }, resolve))
  expect(error).toMatchObject({ message: expect.stringContaining('private network') })
})

test('a machine that was named is not open at its other ports', async () => {
  const guard = new HostGuard(new URL('https://1.1.1.1'), [new URL('https://localhost:8443')])
  await guard.check(new URL('https://localhost:8443/x.tgz'))
  expect(guard.hasChosen(new URL('https://localhost:8443/x.tgz'))).toBe(true)
  const upstream = createUpstream({
    url: 'https://1.1.1.1',
    timeout: seconds(5),
    tarballs: ['https://localhost:8443'],
  })
  onTestFinished(() => upstream.close())
  const error = await faultOf(upstream.tarball('x@1.0.0', 'https://localhost:9200/x.tgz'))
  expect(error).toMatchObject({
    code: 'UPSTREAM_INVALID',
    message: expect.stringContaining('private network'),
  })
})

test('private addresses are told from public ones', () => {
  expect(
    ['127.0.0.1', '192.168.1.1', '::1', 'fd00::1', '::ffff:127.0.0.1'].filter(isPrivateAddress),
  ).toHaveLength(5)
  expect(['1.1.1.1', '2606:4700::1111'].filter(isPrivateAddress)).toEqual([])
})
