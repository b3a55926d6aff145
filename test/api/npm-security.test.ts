import { createHash, createPublicKey, verify } from 'node:crypto'
import { gzipSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { testApp } from '../support/app.ts'
import { startUpstream } from '../support/upstream.ts'

const BULK = '/-/npm/v1/security/advisories/bulk'
const QUICK = '/-/npm/v1/security/audits/quick'
const ADVISORY = {
  id: 7,
  severity: 'high',
  title: 'bad',
  url: 'https://example.org/7',
  vulnerable_versions: '<2.0.0',
}

/** An upstream that has an advisory for whatever it is asked about, and keeps what it was asked. */
async function adviser() {
  const upstream = await startUpstream({ packages: { left: { '1.0.0': {} } } })
  const asked: object[] = []
  upstream.misbehave(BULK, async (request, reply) => {
    const question = JSON.parse((await Array.fromAsync(request)).join(''))
    asked.push(question)
    const answer = Object.keys(question).map((name) => [name, [ADVISORY]])
    reply.setHeader('content-type', 'application/json').end(JSON.stringify(Object.fromEntries(answer)))
  })
  return { upstream, asked }
}

test('advisories come from the upstream, which never hears of our names, and are kept', async () => {
  const { upstream, asked } = await adviser()
  await using _ = upstream
  await using app = await testApp({ upstream: upstream.url })
  const kim = await app.user('kim')
  await kim.publish('@kim/box', '1.0.0')
  const body = gzipSync(JSON.stringify({ left: ['1.0.0'], '@kim/box': ['1.0.0'], '@kim/unborn': ['1.0.0'] }))
  const ask = () =>
    kim.send('POST', BULK, { body, headers: { 'content-encoding': 'gzip', 'npm-command': 'audit' } })
  expect((await ask()).json).toEqual({ left: [ADVISORY] })
  expect((await ask()).json).toEqual({ left: [ADVISORY] })
  expect(asked).toEqual([{ left: ['1.0.0'] }])
})

test('a tree is audited in the shape of old', async () => {
  const { upstream } = await adviser()
  await using _ = upstream
  await using app = await testApp({ upstream: upstream.url })
  const tree = { dependencies: { top: { version: '1.0.0', dependencies: { left: { version: '1.0.0' } } } } }
  const { json } = await app.anonymous().send('POST', '/-/npm/v1/security/audits/quick', { body: tree })
  expect(json.advisories[7]).toMatchObject({ severity: 'high', findings: [{ version: '1.0.0' }] })
  expect(json.metadata.vulnerabilities.high).toBe(2)
})

test('without an upstream that answers, nothing is found and a notice says why', async () => {
  await using upstream = await startUpstream()
  upstream.misbehave(BULK, 'hang')
  for (const options of [{}, { upstream: upstream.url, offline: true }, { upstream: upstream.url }]) {
    await using app = await testApp(options)
    const { status, json, headers } = await app.anonymous().send('POST', BULK, { body: { left: ['1.0.0'] } })
    expect([status, json]).toEqual([200, {}])
    expect(headers.get('npm-notice')).toContain('No audit data')
  }
})

test('an inflated body has its limit', async () => {
  await using app = await testApp()
  const body = gzipSync(Buffer.alloc(40 * 2 ** 20, ' '))
  const headers = { 'content-encoding': 'gzip', 'content-type': 'application/json' }
  expect((await app.anonymous().send('POST', BULK, { body, headers })).status).toBe(413)
})

test('what is published here is signed with a key that is listed beside the upstream’s', async () => {
  await using upstream = await startUpstream()
  const theirs = { keyid: 'SHA256:theirs', key: 'AA==', keytype: 'ecdsa-sha2-nistp256', expires: null }
  upstream.misbehave('/-/npm/v1/keys', (_, reply) => void reply.end(JSON.stringify({ keys: [theirs] })))
  await using app = await testApp({ upstream: upstream.url })
  const kim = await app.user('kim')
  await kim.publish('@kim/box', '1.0.0')
  const { dist } = (await kim.get('/@kim%2fbox')).json.versions['1.0.0']
  const [{ keyid, sig }] = dist.signatures
  const { keys } = (await kim.get('/-/npm/v1/keys')).json
  const [first, own] = keys
  expect([first, own.keyid]).toEqual([theirs, keyid])
  const spki = Buffer.from(own.key, 'base64')
  expect(own.keyid).toBe(`SHA256:${createHash('sha256').update(spki).digest('base64').replace('=', '')}`)
  const key = createPublicKey({ key: spki, format: 'der', type: 'spki' })
  const signed = Buffer.from(`@kim/box@1.0.0:${dist.integrity}`)
  expect(verify('sha256', signed, key, Buffer.from(sig, 'base64'))).toBe(true)
  await upstream.stop()
  expect((await kim.get('/-/npm/v1/keys')).json.keys).toHaveLength(2)
})

test('provenance is kept as it was sent and shown at our address', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  const payload = Buffer.from(JSON.stringify({ predicateType: 'https://slsa.dev/provenance/v1' })).toString(
    'base64',
  )
  const bundle = { mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json', dsseEnvelope: { payload } }
  const attach = (data: string) => ({
    spoil: (document: { _attachments?: object }) =>
      Object.assign(document._attachments ?? {}, {
        '@kim/box-1.0.0.sigstore': { data, length: data.length },
      }),
  })
  expect((await kim.publish('@kim/box', '1.0.0', attach('no bundle'))).status).toBe(400)
  expect((await kim.publish('@kim/box', '1.0.0', attach(JSON.stringify(bundle)))).status).toBe(201)
  const { attestations } = (await kim.get('/npm/@kim%2fbox/1.0.0')).json.dist
  expect(attestations.provenance).toEqual({ predicateType: 'https://slsa.dev/provenance/v1' })
  expect(attestations.url).toBe(`${app.url}/npm/-/npm/v1/attestations/@kim%2fbox@1.0.0`)
  const { json } = await kim.get(attestations.url.slice(app.url.length))
  expect(json).toEqual({ attestations: [{ predicateType: 'https://slsa.dev/provenance/v1', bundle }] })
})

test('attestations of mirrored versions are fetched once, kept, and shown at our address', async () => {
  await using upstream = await startUpstream()
  const url = `${upstream.url}/-/npm/v1/attestations/left@1.0.0`
  const provenance = { predicateType: 'https://slsa.dev/provenance/v1' }
  const dist = { attestations: { url, provenance }, signatures: [{ keyid: 'SHA256:theirs', sig: 'x' }] }
  await upstream.publish('left', '1.0.0', { dist })
  const document = { attestations: [{ ...provenance, bundle: {} }] }
  upstream.misbehave(
    '/-/npm/v1/attestations/left@1.0.0',
    (_, reply) => void reply.end(JSON.stringify(document)),
  )
  await using app = await testApp({ upstream: upstream.url })
  const shown = (await app.anonymous().get('/left')).json.versions['1.0.0'].dist
  expect(shown).toMatchObject({ signatures: dist.signatures, attestations: { provenance } })
  expect(shown.attestations.url).toBe(`${app.url}/-/npm/v1/attestations/left@1.0.0`)
  const path = '/-/npm/v1/attestations/left@1.0.0'
  expect((await app.anonymous().get(path)).json).toEqual(document)
  await upstream.stop()
  expect((await app.anonymous().get(path)).json).toEqual(document)
})

test('a question that would take long to read is refused, and says why', async () => {
  await using app = await testApp()
  const ask = (path: string, question: string) =>
    app.anonymous().send('POST', path, {
      body: gzipSync(question),
      headers: { 'content-encoding': 'gzip', 'content-type': 'application/json' },
    })
  const names = Array.from({ length: 50_001 }, (_, n) => [`package-${n}`, ['1.0.0']])
  const tree = Array.from({ length: 50_001 }, (_, n) => [`package-${n}`, { version: '1.0.0' }])
  for (const [path, question, why] of [
    [BULK, `{"a":[${'[],'.repeat(1_000_000)}[]]}`, 'the body has more than 1000000 values'],
    [BULK, JSON.stringify(Object.fromEntries(names)), 'an audit names at most 50000 packages, not 50001'],
    [
      QUICK,
      JSON.stringify({ dependencies: Object.fromEntries(tree) }),
      'an audit names at most 50000 packages',
    ],
  ] as const) {
    const { status, json } = await ask(path, question)
    expect([status, json.error]).toEqual([400, expect.stringContaining(why)])
  }
  // Commas in a text are no values.
  expect((await ask(BULK, JSON.stringify({ a: [','.repeat(1_500_000)] }))).status).toBe(200)
})
