import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { deflateRawSync } from 'node:zlib'
import { expect, test } from 'vitest'
import { days, minutes, seconds } from '../../src/base/time.ts'
import { readDump } from '../../src/registry/advisories/dump.ts'
import { noUpstream } from '../../src/registry/mirror/no-upstream.ts'
import { RoutedUpstream } from '../../src/registry/mirror/routes.ts'
import type { PolicyRules } from '../../src/registry/policy.ts'
import { createUpstream } from '../../src/registry/upstream.ts'
import { explain } from '../../src/registry/verdicts.ts'
import { testApp } from '../support/app.ts'
import { TurnedClock } from '../support/mirror.ts'
import { onEveryEngine } from '../support/services.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { startUpstream } from '../support/upstream.ts'

const hole = {
  id: 'GHSA-aaaa',
  summary: 'a known hole',
  affected: [
    {
      package: { ecosystem: 'npm', name: 'lib' },
      ranges: [{ type: 'SEMVER', events: [{ introduced: '0' }, { fixed: '1.2.0' }] }],
    },
    { package: { ecosystem: 'PyPI', name: 'lib' }, versions: ['1.2.0'] },
  ],
  database_specific: { severity: 'HIGH', cwe_ids: ['CWE-79'] },
}
const malware = {
  id: 'MAL-1',
  affected: [{ package: { ecosystem: 'npm', name: 'lib' }, versions: ['1.1.0'] }],
}

/** The clock stands at 2026-01-01. */
const packages = {
  lib: {
    '1.0.0': { time: '2025-01-01T00:00:00.000Z', manifest: { license: 'MIT' } },
    '1.1.0': { time: '2025-06-01T00:00:00.000Z', manifest: { license: '(MIT OR GPL-3.0)' } },
    '1.2.0': {
      time: '2025-12-31T00:00:00.000Z',
      manifest: { license: 'GPL-3.0', scripts: { postinstall: 'true' } },
    },
  },
}

test.each<[string, PolicyRules, string[], string]>([
  ['a severity', { advisories: 'high' }, ['1.2.0'], '1.0.0 is affected by GHSA-aaaa (high)'],
  ['malware', { advisories: 'malware' }, ['1.0.0', '1.2.0'], '1.1.0 is affected by MAL-1 (malware)'],
  [
    'age, but for what mends',
    { minimumAge: days(7), fixesAtOnce: true },
    ['1.0.0', '1.1.0', '1.2.0'],
    '1.2.0 is young, but fixes GHSA-aaaa',
  ],
  ['age', { minimumAge: days(7) }, ['1.0.0', '1.1.0'], '1.2.0 was published on'],
  ['a licence', { block: ['licence:GPL-*'] }, ['1.0.0', '1.1.0'], '1.2.0 is blocked by "licence:GPL-*"'],
  ['licences', { allow: ['licence:MIT'] }, ['1.0.0', '1.1.0'], '1.2.0 is not among what is allowed'],
  [
    'scripts',
    { block: ['install-script:l*'] },
    ['1.0.0', '1.1.0'],
    '1.2.0 is blocked by "install-script:l*"',
  ],
  ['a range', { block: ['lib@<1.2'] }, ['1.2.0'], '1.0.0 is blocked by "lib@<1.2"'],
])('a rule by %s hides versions, refuses their tarballs and explains itself', async (_, rules, seen, why) => {
  await using upstream = await startUpstream({ packages })
  await using app = await testApp({ upstream: upstream.url, clock: new TurnedClock(), rules })
  await app.registry.known.import(listOf(hole, malware))
  const document = await (await fetch(`${app.url}/lib`)).json()
  expect(Object.keys(document.versions)).toEqual(seen)
  expect(document['dist-tags']).toEqual({ latest: seen.at(-1) })
  const [version = '', ...words] = why.split(' ')
  const verdict = await explain(app.registry, `lib@${version}`)
  expect(`${version} ${verdict.why}`.replace(' it ', ' ')).toContain([version, ...words].join(' '))
  const tarball = await fetch(`${app.url}/lib/-/lib-${version}.tgz`)
  expect(tarball.status).toBe(verdict.allowed ? 200 : 403)
  if (!verdict.allowed) expect(await tarball.text()).toContain('withheld here')
})

test('what was stored before its advisory came is refused, and shown again when the advisory is withdrawn', async () => {
  await using upstream = await startUpstream({ packages })
  const rules = { advisories: 'malware' } as const
  await using app = await testApp({ upstream: upstream.url, clock: new TurnedClock(), rules })
  const versions = async () => Object.keys((await (await fetch(`${app.url}/lib`)).json()).versions)
  const status = async () => (await fetch(`${app.url}/lib/-/lib-1.1.0.tgz`)).status
  expect([await versions(), await status()]).toEqual([['1.0.0', '1.1.0', '1.2.0'], 200])
  const { known } = app.registry
  expect(await known.import(listOf(malware, 'nonsense'))).toEqual({ entries: 2, changed: 1, left: 1 })
  expect([await versions(), await status()]).toEqual([['1.0.0', '1.2.0'], 403])
  expect(await known.import(listOf(malware))).toMatchObject({ changed: 0 })
  await known.import(listOf({ ...malware, withdrawn: '2026-01-01T00:00:00Z' }))
  expect([await versions(), await status()]).toEqual([['1.0.0', '1.1.0', '1.2.0'], 200])
})

test('a dump is read as a zip, a list, one object, or one a line', async () => {
  await using folder = await temporaryFolder()
  const shapes = [
    zipOf({ 'a.json': JSON.stringify(hole), 'b.json': JSON.stringify(malware) }),
    Buffer.from(JSON.stringify([hole, malware], null, 2)),
    Buffer.from([hole, malware].map((it) => JSON.stringify(it)).join('\n')),
  ]
  for (const bytes of shapes) {
    const path = join(folder.path, 'dump')
    await writeFile(path, bytes)
    expect(await Array.fromAsync(readDump(path))).toEqual([hole, malware])
  }
  const [zip = Buffer.alloc(0)] = shapes
  await writeFile(join(folder.path, 'cut'), zip.subarray(0, -30))
  await expect(Array.fromAsync(readDump(join(folder.path, 'cut')))).rejects.toThrow('it was cut')
})

onEveryEngine('advisories', (engine) => {
  test('npm audit is answered from what was imported, and by each route where it can be asked', async () => {
    const advisory = { id: 7, severity: 'low', title: 'theirs', vulnerable_versions: '*' }
    await using acme = await startUpstream()
    acme.misbehave(
      '/-/npm/v1/security/advisories/bulk',
      (_, reply) => reply.end(JSON.stringify({ '@acme/box': [advisory] })) && undefined,
    )
    const upstream = new RoutedUpstream([
      { match: '@acme/*', upstream: createUpstream({ url: acme.url, timeout: seconds(5) }) },
      { match: '*', upstream: noUpstream },
    ])
    await using app = await testApp({ upstream, engine })
    await app.registry.known.import(listOf(hole))
    const installed = new Map([
      ['lib', ['1.1.0']],
      ['@acme/box', ['1.0.0']],
    ])
    const advice = await app.registry.advisories.find(installed, minutes(1))
    expect(advice).toMatchObject({
      advisories: {
        lib: [{ title: 'a known hole', severity: 'high', vulnerable_versions: '<1.2.0' }],
        '@acme/box': [{ title: 'theirs' }],
      },
    })
    expect(await app.registry.known.count()).toBe(1)
  })
})

async function* listOf(...entries: readonly unknown[]): AsyncGenerator<unknown> {
  yield* entries
}

/** Packed, with nothing but what readers need. */
function zipOf(files: Readonly<Record<string, string>>): Buffer {
  const locals: Buffer[] = []
  const directory: Buffer[] = []
  for (const [name, text] of Object.entries(files)) {
    const packed = deflateRawSync(text)
    const local = Buffer.alloc(30)
    local.write('PK\x03\x04', 'latin1')
    local.writeUInt16LE(name.length, 26)
    const central = Buffer.alloc(46)
    central.write('PK\x01\x02', 'latin1')
    central.writeUInt16LE(8, 10)
    central.writeUInt32LE(packed.length, 20)
    central.writeUInt16LE(name.length, 28)
    central.writeUInt32LE(Buffer.concat(locals).length, 42)
    locals.push(local, Buffer.from(name), packed)
    directory.push(central, Buffer.from(name))
  }
  const [body, list] = [Buffer.concat(locals), Buffer.concat(directory)]
  const end = Buffer.alloc(22)
  end.write('PK\x05\x06', 'latin1')
  end.writeUInt16LE(Object.keys(files).length, 10)
  end.writeUInt32LE(list.length, 12)
  end.writeUInt32LE(body.length, 16)
  return Buffer.concat([body, list, end])
}
