import { execFile } from 'node:child_process'
import { createSign, generateKeyPairSync, type KeyObject } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { expect } from 'vitest'
import type { ClientName } from '../clients/client.ts'
import { packageTarball, sha512 } from '../support/tarball.ts'
import type { ScriptedUpstream } from '../support/upstream.ts'
import { ALL, row } from './rows.ts'
import type { Wire } from './wire.ts'

const COREPACK = join(import.meta.dirname, '../clients/versions/node_modules/corepack/dist/corepack.js')
const KEYID = 'SHA256:for-tests'

/** What Corepack looks at, whichever Yarn it is asked for. */
const PACKAGES = [
  { name: 'npm', version: '10.9.0', bin: { npm: 'bin/npm-cli.js' } },
  { name: 'npm', version: '12.1.0', bin: { npm: 'bin/npm-cli.js' } },
  { name: 'npm', version: '11.4.0', bin: { npm: 'bin/npm-cli.js' } },
  { name: 'pnpm', version: '9.15.0', bin: { pnpm: 'bin/pnpm.cjs' } },
  { name: 'pnpm', version: '11.3.0', bin: { pnpm: 'bin/pnpm.mjs' } },
  { name: 'yarn', version: '1.22.22', bin: { yarn: 'bin/yarn.js' } },
  { name: '@yarnpkg/cli-dist', version: '4.1.0', bin: { yarn: 'bin/yarn.js' } },
] as const
type Fetched = (typeof PACKAGES)[number]

/** What people ask it for, and what then runs. */
const ASKED: Partial<Record<ClientName, Readonly<Record<string, string>>>> = {
  'npm@10': { 'npm@10': 'npm@10.9.0 runs' },
  npm: { 'npm@11': 'npm@11.4.0 runs', 'npm@latest': 'npm@11.4.0 runs' },
  'npm@12': { 'npm@12': 'npm@12.1.0 runs' },
  'pnpm@10': { 'pnpm@9': 'pnpm@9.15.0 runs' },
  pnpm: { 'pnpm@11': 'pnpm@11.3.0 runs', 'pnpm@latest': 'pnpm@11.3.0 runs' },
  yarn: { 'yarn@1': 'yarn@1.22.22 runs' },
  berry: { 'yarn@4': '@yarnpkg/cli-dist@4.1.0 runs', 'yarn@latest': '@yarnpkg/cli-dist@4.1.0 runs' },
}

const run = promisify(execFile)

row(
  {
    number: 25,
    statement: 'Corepack fetches it through the mirror, and checks who signed it',
    // pnpm 12 is no script that Corepack could run, and Bun is none of its package managers.
    clients: ALL.filter((name) => name in ASKED),
  },
  async (stage, client) => {
    const upstream = await stage.upstream({})
    const { privateKey, publicKey } = newKeys()
    for (const fetched of PACKAGES) await publishSigned(upstream, fetched, privateKey)
    const { wire } = await stage.registry({ upstream: upstream.url })
    const corepack = (home: string, asked: string, key: KeyObject) =>
      run(process.execPath, [COREPACK, asked, '--version'], environment(join(stage.folder, home), wire, key))
    for (const [asked, said] of Object.entries(ASKED[client] ?? {})) {
      expect((await corepack('home', asked, publicKey)).stdout).toContain(said)
      if (client === 'berry') continue // it takes Yarn 4 whoever signed it
      await expect(corepack('other', asked, newKeys().publicKey)).rejects.toThrow(/signature/i)
    }
  },
)

function newKeys() {
  return generateKeyPairSync('ec', { namedCurve: 'prime256v1' })
}

/** As the upstream's registry signs what it is given. */
async function publishSigned(upstream: ScriptedUpstream, fetched: Fetched, by: KeyObject): Promise<void> {
  const { name, version, bin } = fetched
  const [path = ''] = Object.values(bin)
  const files = { [path]: `console.log('${name}@${version} runs')\n` }
  const integrity = sha512(await packageTarball({ name, version, bin }, files))
  const sig = createSign('SHA256').update(`${name}@${version}:${integrity}`).sign(by, 'base64')
  await upstream.publish(name, version, {
    manifest: { bin },
    files,
    dist: { signatures: [{ keyid: KEYID, sig }] },
  })
}

function environment(home: string, wire: Wire, publicKey: KeyObject) {
  const kind = 'ecdsa-sha2-nistp256'
  const key = publicKey.export({ type: 'spki', format: 'der' }).toString('base64')
  const keys = [{ expires: null, keyid: KEYID, keytype: kind, scheme: kind, key }]
  return {
    cwd: tmpdir(), // no project of anybody's above it
    env: {
      PATH: `${join(process.execPath, '..')}:/usr/bin:/bin`,
      HOME: home,
      COREPACK_HOME: join(home, 'corepack'),
      COREPACK_NPM_REGISTRY: wire.url,
      COREPACK_INTEGRITY_KEYS: JSON.stringify({ npm: keys }),
      COREPACK_ENABLE_PROJECT_SPEC: '0',
      COREPACK_ENABLE_AUTO_PIN: '0',
    },
  }
}
