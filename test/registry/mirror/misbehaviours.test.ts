import { readdir } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { days, seconds } from '../../../src/base/time.ts'
import { noUpstream } from '../../../src/registry/mirror/no-upstream.ts'
import { createUpstream, type Upstream, type UpstreamOptions } from '../../../src/registry/upstream.ts'
import { type TestApp, testApp } from '../../support/app.ts'
import { noise, TurnedClock } from '../../support/mirror.ts'
import { secureServer } from '../../support/secure-server.ts'
import { onEveryEngine } from '../../support/services.ts'
import { sha512 } from '../../support/tarball.ts'
import {
  type Misbehaviour,
  type ScriptedUpstream,
  type ScriptedVersion,
  startUpstream,
  tarballPath,
  type UpstreamPackument,
} from '../../support/upstream.ts'

const MiB = 2 ** 20

type Case = {
  /** What the upstream does, by itself, for the document or the tarball. */
  readonly how?: Misbehaviour
  /** How its document is spoilt. */
  readonly spoil?: (packument: UpstreamPackument) => unknown
  readonly version?: ScriptedVersion
  /** Another address than that of the scripted upstream. */
  readonly at?: string
  /** How often; absent: for as long as it is asked. */
  readonly times?: number
  /** What the client sees; a status of 0 is a reply that breaks off. */
  readonly sees: readonly [status: number, sentence?: string]
}

/** Answers 200 with this body. */
const body = (text: string | Buffer, headers: Record<string, string> = {}): Misbehaviour => {
  return (_, reply) => void reply.writeHead(200, headers).end(text)
}
const redirect = (location: string): Misbehaviour => ({ status: 302, headers: { location } })
const silentAfter =
  (text: string): Misbehaviour =>
  (_: IncomingMessage, reply: ServerResponse) =>
    void reply.writeHead(200, { 'content-length': 10_000 }).write(text)

const HTML = 'not the JSON of a package'
const CUT = 'it closed the connection'
const BUSY = { status: 429, headers: { 'retry-after': '60' } }

/** Asked for a document that we never had. Nothing of what came may be kept. */
const documents: Readonly<Record<string, Case>> = {
  'a page instead of JSON': { how: 'html', sees: [502, HTML] },
  'JSON that is none': { how: body('{"name":'), sees: [502, HTML] },
  'a list': { how: body('[]'), sees: [502, HTML] },
  'nothing at all': { how: body(''), sees: [502, HTML] },
  'no content (204)': { how: { status: 204 }, sees: [502, 'it answered 204'] },
  'lists in lists in lists': { how: body('['.repeat(100_000)), sees: [502, HTML] },
  'objects in objects, closed again': {
    how: body(`{"name":"x","versions":{},"a":${'{"a":'.repeat(5000)}1${'}'.repeat(5000)}}`),
    sees: [502, HTML],
  },
  'the document of another package': {
    spoil: (it) => (it.name = 'other'),
    sees: [502, 'it is about \\"other\\"'],
  },
  'versions as a list': { spoil: (it) => (it.versions = ['1.0.0']), sees: [502, HTML] },
  'a gzip bomb': { how: 'gzip bomb', sees: [502, 'it unpacks to more than'] },
  'a gzip that breaks off': {
    how: body(gzipSync('{}'.repeat(999)).subarray(0, 20), { 'content-encoding': 'gzip' }),
    sees: [502, 'not the gzip it claims'],
  },
  'an encoding nobody asked for': {
    how: body('x', { 'content-encoding': 'br' }),
    sees: [502, 'encoded as \\"br\\"'],
  },
  'a body without end': { how: 'endless', sees: [502, `larger than ${MiB} bytes`] },
  'a body cut midway': { how: { cut: 50 }, sees: [502, CUT] },
  'less than it announced': { how: 'wrong length', sees: [502, CUT] },
  'a header of 100 KB': {
    how: body('{}', { 'x-much': 'x'.repeat(100_000) }),
    sees: [502, 'Headers Overflow'],
  },
  'a redirect in circles': { how: 'redirect loop', sees: [502, 'redirects without end'] },
  'a redirect to another host': {
    how: redirect('http://elsewhere.invalid/x'),
    sees: [502, 'which is not allowed'],
  },
  'a redirect to a file': { how: redirect('file:///etc/passwd'), sees: [502, 'an address that is none'] },
  'silence before the headers': { how: 'hang', sees: [504, 'it stayed silent'] },
  'silence within the body': { how: silentAfter('{"name":'), sees: [504, 'it stayed silent'] },
  'a closed connection': { how: 'close', sees: [502, CUT] },
  'one closed connection': { how: 'close', times: 1, sees: [200] },
  'a 500 and then the truth': { how: { status: 500 }, times: 1, sees: [200] },
  'a 429 that asks for a minute': { how: BUSY, sees: [502, 'it answered 429'] },
  'a 429 that asks for no time': { how: { ...BUSY, headers: { 'retry-after': '0' } }, times: 1, sees: [200] },
  'a 304 nobody asked for': { how: { status: 304 }, sees: [502, '304 to one who holds nothing'] },
  'a host that nobody knows': { at: 'http://nowhere.invalid', sees: [502, 'its host name'] },
  'a port where nobody listens': { at: 'http://127.0.0.1:1', sees: [502, 'nobody listens'] },
  'a certificate that nobody vouches for': { at: 'TLS', sees: [502, 'self-signed certificate'] },
}

/** A document that is odd and yet one: it is served, and its tarball with it. */
const odd: Readonly<Record<string, Case>> = {
  'a weak ETag': { how: oddly({ etag: 'W/"1"' }), sees: [200] },
  'an ETag that is none': { how: oddly({ etag: 'a b"c' }), sees: [200] },
  'names out of the prototype': {
    spoil: (it) => {
      const lure = JSON.parse('{"__proto__":{"evil":true},"constructor":{"prototype":{"evil":true}}}')
      Object.defineProperties(it, Object.getOwnPropertyDescriptors(lure))
      Object.defineProperties(
        it['dist-tags'],
        Object.getOwnPropertyDescriptors({ ...lure, toString: '1.0.0' }),
      )
      it.versions.constructor = { evil: true }
    },
    sees: [200],
  },
  'odd fields everywhere': {
    spoil: (it) =>
      Object.assign(it, { maintainers: 7, readme: [], time: [], keywords: { a: null }, users: 'x' }),
    sees: [200],
  },
  'versions that are nothing': {
    spoil: (it) => Object.assign(it.versions, { '2.0.0': null, nonsense: {}, '3.0.0': [1] }),
    sees: [200],
  },
}

/** The document is as it should be, its tarball is not. Only the document may be kept. */
const tarballs: Readonly<Record<string, Case>> = {
  'one bit turned': { how: 'wrong bytes', sees: [502, 'does not match its integrity'] },
  'another length': { how: 'wrong length', sees: [502, CUT] },
  'fewer bytes than announced, ended well': {
    how: body('', { 'content-length': '0' }),
    sees: [502, 'does not match'],
  },
  'cut midway': { how: { cut: 100 }, sees: [502, CUT] },
  'a page': { how: 'html', sees: [502, 'does not match its integrity'] },
  'without end': { how: 'endless', sees: [0] },
  'silence midway': { how: silentAfter('abc'), sees: [504, 'it stayed silent'] },
  'not there (404)': { how: { status: 404 }, sees: [404, 'at 1.0.0'] },
  'gone (410)': { how: { status: 410 }, sees: [404, 'at 1.0.0'] },
  'kept from us (403)': { how: { status: 403 }, sees: [502, 'refuses access'] },
  'a 503 and then the tarball': { how: { status: 503 }, times: 1, sees: [200] },
  'a redirect of a tarball to another host': {
    how: redirect('http://elsewhere.invalid/x.tgz'),
    sees: [502, 'is not its own address'],
  },
  'a tarball that is a file of ours': {
    version: { dist: { tarball: 'file:///etc/passwd' } },
    sees: [502, 'an address that is none'],
  },
  'a tarball on a host that nobody knows': {
    version: { dist: { tarball: 'https://elsewhere.invalid/x.tgz' } },
    sees: [502, 'is not its own address'],
  },
  'no dist': {
    spoil: (it) => delete it.versions['1.0.0'].dist,
    sees: [200],
  },
}

/** Asked again for a document of which we have an old copy: whatever comes, that is what everybody gets. */
const refreshes: Readonly<Record<string, Misbehaviour>> = {
  'a 404 for what we have': { status: 404 },
  'a 410 for what we have': { status: 410 },
  'a 401 for what we have': { status: 401 },
  'a package without versions': body('{"name":"x","versions":{}}'),
  'a 500 for what we have': { status: 500 },
  'a page in the place of what we have': 'html',
  'silence instead of what we have': 'hang',
  'half of what we have': { cut: 60 },
}

onEveryEngine('an upstream that misbehaves', (engine) => {
  const opened = new AsyncDisposableStack()
  const upstreams = new Map<string, Upstream>()
  const clock = new TurnedClock()
  let scripted: ScriptedUpstream
  let stranger: string
  let app: TestApp
  let count = 0

  beforeAll(async () => {
    scripted = opened.use(await startUpstream())
    stranger = opened.use(await secureServer()).url
    app = opened.use(await testApp({ engine, upstream: byName(upstreams), clock }))
  })
  afterAll(async () => {
    await Promise.all([...upstreams.values()].map((it) => it.close()))
    await opened.disposeAsync()
  })

  /** Where this package comes from; anew, so that no case hears of another. */
  async function connect(name: string, options: Partial<UpstreamOptions> = {}): Promise<void> {
    await upstreams.get(name)?.close()
    const limits = { document: MiB, tarball: MiB }
    const impatient = { url: scripted.url, timeout: 400, retryPause: 1, limits }
    upstreams.set(name, createUpstream({ ...impatient, ...options }))
  }

  async function packageOf({ version = {}, at, spoil }: Partial<Case>): Promise<string> {
    const name = `lib-${++count}`
    await scripted.publish(name, '1.0.0', version)
    if (spoil) scripted.change(name, spoil)
    await connect(name, at === undefined ? {} : { url: at === 'TLS' ? stranger : at })
    return name
  }

  /** What is stored, and that nothing lies half-finished in the spool. */
  async function stored(): Promise<number> {
    expect(await readdir(join(app.folder, 'spool'))).toEqual([])
    return (await Array.fromAsync(app.storage.blobs.list())).length
  }

  /** A status of 0 is a reply that breaks off, however early. */
  async function get(path: string): Promise<{ status: number; bytes: Buffer }> {
    try {
      const reply = await fetch(app.url + path)
      return { status: reply.status, bytes: Buffer.from(await reply.bytes()) }
    } catch {
      return { status: 0, bytes: Buffer.alloc(0) }
    }
  }

  async function expectSeen(path: string, [status, sentence = '']: Case['sees']): Promise<void> {
    const reply = await get(path)
    expect([reply.status, reply.bytes.toString()]).toEqual([status, expect.stringContaining(sentence)])
  }

  /** Asks again, with the upstream behaving. */
  async function expectAllWell(name: string): Promise<void> {
    expect((await get(`/${name}`)).status).toBe(200)
    const { status, bytes } = await get(tarballPath(name, '1.0.0'))
    expect([status, sha512(bytes)]).toEqual([200, sha512(scripted.tarball(name, '1.0.0'))])
    expect(await stored()).toBeGreaterThan(0)
  }

  for (const [title, one] of Object.entries(documents))
    test(`a document: ${title}`, async () => {
      const name = await packageOf(one)
      const before = await stored()
      if (one.how) scripted.misbehave(`/${name}`, one.how, one.times)
      await expectSeen(`/${name}`, one.sees)
      expect(await stored()).toBe(one.sees[0] === 200 ? before + 1 : before)
      scripted.behave(`/${name}`)
      await scripted.publish(name, '1.0.0', one.version)
      scripted.change(name, (it) => Object.assign(it, { name, versions: { '1.0.0': manifestOf(it) } }))
      await connect(name)
      await expectAllWell(name)
    })

  for (const [title, one] of Object.entries(odd))
    test(`a document with ${title}`, async () => {
      const name = await packageOf(one)
      if (one.how) scripted.misbehave(`/${name}`, one.how)
      await expectSeen(`/${name}`, one.sees)
      const { versions } = JSON.parse((await get(`/${name}`)).bytes.toString())
      expect([Object.keys(versions), Reflect.get({}, 'evil')]).toEqual([['1.0.0'], undefined])
      clock.turn(days(2))
      await expectAllWell(name)
    })

  for (const [title, one] of Object.entries(tarballs))
    test(`a tarball: ${title}`, async () => {
      const name = await packageOf(one)
      const path = tarballPath(name, '1.0.0')
      expect((await get(`/${name}`)).status).toBe(200)
      const before = await stored()
      if (one.how) scripted.misbehave(path, one.how, one.times)
      await expectSeen(path, one.sees)
      expect(await stored()).toBe(one.sees[0] === 200 ? before + 1 : before)
      if (one.version) return // an address is a property of the version: no retry mends it
      scripted.behave(path)
      await expectAllWell(name)
    })

  for (const [title, how] of Object.entries(refreshes))
    test(`a copy and then ${title}`, async () => {
      const name = await packageOf({})
      const { bytes } = await get(`/${name}`)
      const before = await stored()
      clock.turn(days(2))
      scripted.misbehave(`/${name}`, how)
      expect(await get(`/${name}`)).toEqual({ status: 200, bytes })
      expect(await stored()).toBe(before)
      scripted.behave(`/${name}`)
      await scripted.publish(name, '1.1.0')
      clock.turn(days(2))
      expect(JSON.parse((await get(`/${name}`)).bytes.toString())['dist-tags']).toEqual({ latest: '1.1.0' })
      await expectAllWell(name)
    })

  test('a large tarball cut midway ends cleanly at no client, and a retry has it all', async () => {
    const name = await packageOf({ version: { files: { noise: noise(MiB / 2) } } })
    const path = tarballPath(name, '1.0.0')
    await get(`/${name}`)
    const before = await stored()
    scripted.misbehave(path, { cut: 200_000 })
    const replies = await Promise.all(Array.from({ length: 5 }, () => get(path)))
    for (const { status } of replies) expect([0, 502]).toContain(status)
    expect(await stored()).toBe(before)
    scripted.behave(path)
    await expectAllWell(name)
  })

  test.skipIf(engine.name !== 'sqlite')(
    'a document of 30 MB is served to many at once, from one request to the upstream',
    async () => {
      const name = await packageOf({
        spoil: (it) => Object.assign(it, { readme: noise(15 * MiB).toString('hex') }),
      })
      const limits = { document: 40 * MiB, tarball: MiB }
      await connect(name, { limits, timeout: seconds(30) })
      const replies = await Promise.all(Array.from({ length: 5 }, () => get(`/${name}`)))
      for (const { status, bytes } of replies) expect([status, bytes.length > 30 * MiB]).toEqual([200, true])
      expect(scripted.count(`/${name}`)).toBe(1)
      await expectAllWell(name)
    },
  )
})

function oddly(headers: Record<string, string>): Misbehaviour {
  return ({ url = '' }, reply) => {
    const name = url.slice(1)
    const document = { name, versions: { '1.0.0': { name, version: '1.0.0' } } }
    reply.writeHead(200, headers).end(JSON.stringify(document))
  }
}

const manifestOf = (packument: UpstreamPackument): unknown => packument.versions['1.0.0']

/** Each name from the upstream of its own. */
function byName(upstreams: ReadonlyMap<string, Upstream>): Upstream {
  const of = (name: string) => upstreams.get(name) ?? noUpstream
  return {
    url: '',
    origins: [],
    for: of,
    document: (name, ...rest) => of(name).document(name, ...rest),
    tarball: (what, ...rest) => of(what.replace(/@.*/, '')).tarball(what, ...rest),
    async close() {},
  }
}
