import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { days, minutes } from '../../src/base/time.ts'
import type { PolicyRules } from '../../src/registry/policy.ts'
import { findVersion } from '../../src/storage/tables/versions.ts'
import { Client } from '../clients/client.ts'
import { testApp } from '../support/app.ts'
import { TurnedClock } from '../support/mirror.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { startUpstream } from '../support/upstream.ts'

/** The clock stands at 2026-01-01. */
const packages = {
  lib: {
    '1.0.0': { time: '2025-01-01T00:00:00.000Z' },
    '1.1.0': { time: '2025-06-01T00:00:00.000Z' },
    '1.2.0': { time: '2025-12-31T00:00:00.000Z' },
  },
  lure: { '1.0.0': { time: '2025-01-01T00:00:00.000Z' } },
}

test.each(['npm', 'pnpm'] as const)('%s installs the newest version that is old enough', async (name) => {
  await using t = await under({ minimumAge: days(7) })
  await using folder = await temporaryFolder()
  const client = await Client.open(name, { folder: folder.path, registry: t.app.url })
  const added = await client.add('lib@^1.0.0')
  expect(added.code, added.output).toBe(0)
  const installed = JSON.parse(await readFile(join(client.project, 'node_modules/lib/package.json'), 'utf8'))
  expect(installed.version).toBe('1.1.0')
})

test('a young version is not seen, its tarball is refused with the reason, and it appears when it is old enough', async () => {
  await using t = await under({ minimumAge: days(7) })
  expect(await t.seen('lib')).toEqual([['1.0.0', '1.1.0'], { latest: '1.1.0' }])
  expect(await t.tarball('lib', '1.2.0')).toEqual([
    403,
    expect.stringContaining('held back until 2026-01-07'),
  ])
  const before = await fetch(`${t.app.url}/lib`)
  const headers = { 'if-none-match': before.headers.get('etag') ?? '' }
  expect((await fetch(`${t.app.url}/lib`, { headers })).status).toBe(304)
  t.clock.turn(days(7))
  const after = await fetch(`${t.app.url}/lib`, { headers })
  expect([after.status, Object.keys((await after.json()).versions)]).toEqual([
    200,
    ['1.0.0', '1.1.0', '1.2.0'],
  ])
  expect((await t.tarball('lib', '1.2.0'))[0]).toBe(200)
})

test('a version that is exempt is seen at once', async () => {
  await using t = await under({ minimumAge: days(7), exempt: ['lib@1.2'] })
  expect((await t.seen('lib'))[1]).toEqual({ latest: '1.2.0' })
})

test('what was blocked after it was stored is refused from then on', async () => {
  await using t = await under({})
  expect((await t.tarball('lib', '1.1.0'))[0]).toBe(200)
  const rules = { block: ['lib@1.1.0', 'lu*'] }
  await using strict = await testApp({
    upstream: t.upstream.url,
    clock: t.clock,
    rules,
    storage: { folder: t.app.folder },
  })
  const reply = await fetch(`${strict.url}/lib/-/lib-1.1.0.tgz`)
  expect([reply.status, await reply.text()]).toEqual([403, expect.stringContaining('blocked by')])
  expect(Object.keys((await (await fetch(`${strict.url}/lib`)).json()).versions)).toEqual(['1.0.0', '1.2.0'])
  const lure = await fetch(`${strict.url}/lure`)
  expect([lure.status, await lure.text()]).toEqual([403, expect.stringContaining('lu*')])
})

test('only what is allowed is seen, and nothing published after a freeze', async () => {
  await using t = await under({ allow: ['lib@<1.2'], freeze: Date.parse('2025-03-01') })
  expect(await t.seen('lib')).toEqual([['1.0.0'], { latest: '1.0.0' }])
  expect((await fetch(`${t.app.url}/lure`)).status).toBe(403)
})

test('npm is told what is withheld and why, in both forms of the document', async () => {
  await using t = await under({ minimumAge: days(7), block: ['lib@1.0.0'] })
  for (const accept of ['application/json', 'application/vnd.npm.install-v1+json']) {
    const { policyRestrictions } = await (await fetch(`${t.app.url}/lib`, { headers: { accept } })).json()
    expect(policyRestrictions.versions).toEqual({
      '1.0.0': { version: '1.0.0' },
      '1.2.0': { version: '1.2.0' },
    })
    const [young, blocked] = policyRestrictions.message.split('\n')
    expect(young).toMatch(/^1\.2\.0: it was published on 2025-12-31.* held back until 2026-01-07/)
    expect(blocked).toBe('1.0.0: it is blocked by "lib@1.0.0"')
  }
})

test('npm hears of no restrictions where nothing is withheld', async () => {
  await using t = await under({ minimumAge: days(7) })
  expect(await (await fetch(`${t.app.url}/lure`)).json()).not.toHaveProperty('policyRestrictions')
})

test('the message for npm stays short, however much is withheld', async () => {
  await using t = await under({ freeze: Date.parse('2025-01-01'), block: ['lib@>=2'] })
  for (let minute = 10; minute < 60; minute++) {
    await t.upstream.publish('lib', `0.0.${minute}`, { time: `2025-03-01T00:${minute}:00.000Z` })
    await t.upstream.publish('lib', `2.0.${minute}`)
  }
  await t.upstream.publish('lib', '0.0.1')
  const { policyRestrictions } = await (await fetch(`${t.app.url}/lib`)).json()
  const lines = policyRestrictions.message.split('\n')
  expect(lines).toHaveLength(21)
  expect(lines).toContainEqual(expect.stringMatching(/^2\.0\.59, .*2\.0\.50 and 40 more: it is blocked by/))
  expect(lines.at(-1)).toBe('and 33 more reasons, for other versions')
  expect(Object.keys(policyRestrictions.versions)).toHaveLength(102)
})

test('every decision is explained', async () => {
  await using t = await under({ minimumAge: days(7), block: ['lib@1.0.0'], exempt: ['lure'] })
  const { packages: heads, contents } = t.app.registry
  const head = await heads.head(async () => ({ kind: 'anonymous' }), {
    namespace: 'legacy',
    host: '',
    name: 'lib',
  })
  const verdicts = ['1.0.0', '1.1.0', '1.2.0'].map((version) => contents.verdict(head, version))
  expect(await Promise.all(verdicts)).toEqual([
    { allowed: false, why: 'it is blocked by "lib@1.0.0"' },
    { allowed: true, why: 'no rule holds it back' },
    { allowed: false, why: expect.stringContaining('published on 2025-12-31') },
  ])
})

test('a version that upstream withdraws is not handed out any more, and is kept aside', async () => {
  await using t = await under({})
  expect((await t.tarball('lib', '1.2.0'))[0]).toBe(200)
  const whole = structuredClone(await (await fetch(`${t.upstream.url}/lib`)).json())
  t.upstream.change('lib', (packument) => {
    delete packument.versions['1.2.0']
    packument['dist-tags'].latest = '1.1.0'
  })
  t.clock.turn(days(2))
  expect(await t.seen('lib')).toEqual([['1.0.0', '1.1.0'], { latest: '1.1.0' }])
  expect((await t.tarball('lib', '1.2.0'))[0]).toBe(404)
  const { packages: heads, contents } = t.app.registry
  const head = await heads.head(async () => ({ kind: 'anonymous' }), {
    namespace: 'legacy',
    host: '',
    name: 'lib',
  })
  expect((await contents.verdict(head, '1.2.0')).why).toContain('upstream withdrew it')
  const kept = await findVersion(t.app.storage.sql.read, head.id, '1.2.0')
  expect(kept?.tarball).toMatch(/^sha512-/)
  t.upstream.change('lib', (packument) => Object.assign(packument, whole))
  t.clock.turn(days(2))
  await t.seen('lib')
  expect((await t.tarball('lib', '1.2.0'))[0]).toBe(200)
})

async function under(rules: PolicyRules) {
  await using opening = new AsyncDisposableStack()
  const clock = new TurnedClock()
  const upstream = opening.use(await startUpstream({ packages }))
  const app = opening.use(await testApp({ upstream: upstream.url, clock, rules }))
  clock.turn(minutes(1))
  const seen = async (name: string) => {
    const document = await (await fetch(`${app.url}/${name}`)).json()
    return [Object.keys(document.versions), document['dist-tags']]
  }
  const tarball = async (name: string, version: string) => {
    const reply = await fetch(`${app.url}/${name}/-/${name}-${version}.tgz`)
    return [reply.status, await reply.text()]
  }
  const opened = opening.move()
  return { app, clock, upstream, seen, tarball, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}
