import { createHash, generateKeyPairSync, sign } from 'node:crypto'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect } from 'vitest'
import { ADD, type Client } from '../clients/client.ts'
import { STATEMENTS } from '../support/provenance.ts'
import { Sigstore } from '../support/sigstore.ts'
import { SigstoreMirror } from '../support/sigstore-mirror.ts'
import type { ScriptedUpstream } from '../support/upstream.ts'
import { NPM, row } from './rows.ts'
import { anew, fails, type Stage, works, writePackage } from './stage.ts'

const BULK = '/-/npm/v1/security/advisories/bulk'
const QUICK = '/-/npm/v1/security/audits/quick'
const ADVISORY = {
  id: 7,
  severity: 'high',
  title: 'a known hole',
  url: 'https://example.org/7',
  vulnerable_versions: '<2.0.0',
  cwe: ['CWE-79'],
  cvss: { score: 7.5, vectorString: 'CVSS:3.1/AV:N' },
}
const SLSA = 'https://slsa.dev/provenance/v1'
const IN_TOTO = 'https://in-toto.io/Statement/v1'

/** A registry whose upstream knows a hole in `left`, and a project that has it installed beside a private package. */
async function holed(stage: Stage, name: Client['name']) {
  const upstream = await stage.upstream({ left: { '1.0.0': {} } })
  const asked: object[] = []
  upstream.misbehave(BULK, async (request, reply) => {
    const question = JSON.parse((await Array.fromAsync(request)).join(''))
    asked.push(question)
    reply.setHeader('content-type', 'application/json')
    reply.end(JSON.stringify('left' in question ? { left: [ADVISORY] } : {}))
  })
  const { wire, kim } = await stage.registry({ upstream: upstream.url })
  await kim.publish('@kim/box', '1.0.0')
  const client = await stage.client(name, wire)
  const safe = client.family === 'npm' ? ['--no-audit'] : []
  await works(client, ...ADD[client.family], ...safe, 'left@1.0.0', '@kim/box')
  return { wire, client, asked }
}

const audit = (client: Client) => (client.family === 'berry' ? ['npm', 'audit', '--all'] : ['audit'])

row(
  {
    number: 72,
    statement: 'an audit shows the hole in a public package; private names are not told upstream',
    clients: NPM,
  },
  async (stage, name) => {
    const { wire, client, asked } = await holed(stage, name)
    expect(await fails(client, ...audit(client))).toContain('a known hole')
    expect(asked).toEqual([{ left: ['1.0.0'] }])
    expect(wire.heard.find(({ path }) => path === BULK)?.headers['content-encoding']).toBe('gzip')
  },
)

row(
  {
    number: 73,
    statement: 'an audit by the whole tree, as of old, is answered',
    clients: ['npm@10', 'pnpm@10'],
  },
  async (stage, name) => {
    const { wire, client } = await holed(stage, name)
    // npm asks so once the newer way has failed, and of lock files as of old.
    const old = client.family === 'npm' ? ['--lockfile-version=2'] : []
    wire.interrupt = (incoming, reply) => {
      if (incoming.url !== BULK) return false
      reply.writeHead(404).end()
      return true
    }
    const output = await fails(client, ...audit(client), ...old)
    expect(output).toMatch(/a known hole|severity vulnerabilit|severity: /i)
    expect(wire.heard.find(({ path }) => path === QUICK)?.status).toBe(200)
  },
)

row(
  {
    number: 74,
    statement: 'an audit by names and versions is answered, plain and compressed',
    clients: ['pnpm', 'pnpm@12', 'berry', 'bun'],
  },
  async (stage, name) => {
    const { wire, client, asked } = await holed(stage, name)
    expect(await fails(client, ...audit(client))).toContain('a known hole')
    expect(asked).toEqual([{ left: ['1.0.0'] }])
    expect(wire.heard.find(({ path }) => path === BULK)?.status).toBe(200)
  },
)

row(
  { number: 75, statement: 'an install goes on without advisories when nobody tells any', clients: NPM },
  async (stage, name) => {
    const upstream = await stage.upstream({ left: { '1.0.0': {} } })
    upstream.misbehave(BULK, 'hang')
    const { wire } = await stage.registry({ upstream: upstream.url })
    const client = await stage.client(name, wire)
    await works(client, 'install', 'left')
    // The upstream never answers: the reply can only be what the registry says without it.
    expect(wire.heard.find(({ path }) => path === BULK)).toMatchObject({ status: 200, bytes: 2 })
  },
)

/** Signs left@1.0.0 with a key that the upstream lists. */
async function signing(upstream: ScriptedUpstream): Promise<void> {
  const { publicKey, privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
  const key = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  const kind = 'ecdsa-sha2-nistp256'
  const keys = [{ keyid: 'SHA256:theirs', keytype: kind, scheme: kind, key, expires: null }]
  upstream.misbehave('/-/npm/v1/keys', (_, reply) => void reply.end(JSON.stringify({ keys })))
  upstream.change('left', ({ versions }) => {
    const { dist } = versions['1.0.0']
    const sig = sign('sha256', Buffer.from(`left@1.0.0:${dist.integrity}`), privateKey).toString('base64')
    dist.signatures = [{ keyid: 'SHA256:theirs', sig }]
  })
}

row(
  {
    number: 76,
    statement: 'signatures of mirrored and of private packages are found good',
    // pnpm 10 has no such command.
    clients: [...NPM, 'pnpm', 'pnpm@12'],
  },
  async (stage, name) => {
    await using mirror = await SigstoreMirror.start()
    const upstream = await stage.upstream({ left: { '1.0.0': {} } })
    await signing(upstream)
    const { wire, kim } = await stage.registry({ upstream: upstream.url })
    await kim.publish('@kim/box', '1.0.0')
    const client = await stage.client(name, wire)
    // npm asks Sigstore for keys before it asks the registry.
    if (client.family === 'npm') await lead(client, mirror)
    await works(client, ...ADD[client.family], 'left', '@kim/box')
    expect(await works(client, 'audit', 'signatures')).toMatch(/2 .*(?:verified|valid)/)
  },
)

/** npm gets Sigstore's keys from there. */
async function lead(client: Client, mirror: SigstoreMirror): Promise<void> {
  const stores = [join(client.home, 'data/sigstore-js'), join(client.home, 'npm-cache/_tuf')]
  Object.assign(client.variables, await mirror.serve({ stores, folder: client.home }))
}

row(
  {
    number: 77,
    statement: 'addresses of attestations lead back here, under a path too',
    clients: NPM,
  },
  async (stage, name) => {
    const upstream = await stage.upstream({ left: { '1.0.0': {} } })
    const path = '/-/npm/v1/attestations/left@1.0.0'
    const document = { attestations: [{ predicateType: SLSA, bundle: {} }] }
    upstream.misbehave(path, (_, reply) => void reply.end(JSON.stringify(document)))
    upstream.change('left', ({ versions }) => {
      versions['1.0.0'].dist.attestations = {
        url: upstream.url + path,
        provenance: { predicateType: SLSA },
      }
    })
    const { wire, app } = await stage.registry({ upstream: upstream.url })
    const client = await stage.client(name, wire, { path: '/npm' })
    const url = (await works(client, 'view', 'left', 'dist.attestations.url')).trim()
    expect(url).toBe(`${wire.url}/npm${path}`)
    expect((await app.anonymous().get(new URL(url).pathname)).json).toEqual(document)
  },
)

row(
  {
    number: 78,
    statement: 'provenance that comes as a file is kept and shown, and found good by an audit',
    clients: NPM,
  },
  async (stage, name) => {
    await using mirror = await SigstoreMirror.start()
    const { wire, kim } = await stage.registry()
    const client = await stage.client(name, wire, { token: kim.token })
    await lead(client, mirror)
    await writePackage(client, { name: '@kim/box', version: '1.0.0' })
    await works(client, 'pack')
    const sha512 = await sha512Of(join(client.project, 'kim-box-1.0.0.tgz'))
    const subject = [{ name: 'pkg:npm/%40kim/box@1.0.0', digest: { sha512 } }]
    const predicate = STATEMENTS[SLSA]
    const statement = { _type: IN_TOTO, subject, predicateType: SLSA, predicate }
    const publish = ['publish', './kim-box-1.0.0.tgz', '--provenance-file', 'bundle.json']
    await client.write('bundle.json', new Sigstore().attest(statement))
    expect(await fails(client, ...publish)).toMatch(/CERTIFICATE_ERROR|TLOG_INCLUSION_PROMISE_ERROR/)
    const bundle = mirror.sigstore.attest(statement)
    await client.write('bundle.json', bundle)
    await works(client, ...publish)
    const { attestations } = (await kim.get('/@kim%2fbox/1.0.0')).json.dist
    const url = `${kim.url}/-/npm/v1/attestations/@kim%2fbox@1.0.0`
    expect(attestations).toEqual({ url, provenance: { predicateType: SLSA } })
    const shown = (await kim.get(new URL(url).pathname)).json
    expect(shown).toEqual({ attestations: [{ predicateType: SLSA, bundle }] })
    await anew(client)
    await works(client, 'install', '@kim/box')
    // npm 10 takes an attestation for good only beside another that bears the key of its registry.
    if (name !== 'npm@10')
      expect(await works(client, 'audit', 'signatures')).toMatch(/1 package has a verified attestation/)
  },
)

async function sha512Of(path: string): Promise<string> {
  return createHash('sha512')
    .update(await readFile(path))
    .digest('hex')
}
