import { expect, test } from 'vitest'
import { resolveSettings } from '../../../src/server/config.ts'
import { entropic } from '../../support/command-line.ts'
import { temporaryFolder } from '../../support/temporary-folder.ts'
import { startUpstream } from '../../support/upstream.ts'

const packages = { lib: { '1.0.0': {}, '2.0.0': {} } }

test('gc keeps mirrored tarballs within their budget, and the decision on a version is explained', async () => {
  await using upstream = await startUpstream({ packages })
  await using folder = await temporaryFolder()
  const run = (settings: Record<string, string>, ...args: string[]) =>
    entropic({ folder: folder.path, environment: { UPSTREAM: upstream.url, ...settings } }, ...args)
  expect((await run({}, 'prefetch', 'lib@1', 'lib@2')).code).toBe(0)
  const dry = await run({ CACHE_BUDGET: '0' }, 'gc', '--dry-run')
  expect(dry.stdout).toMatch(/^Would forget 2 mirrored tarballs \(/)
  const offline = await run({ CACHE_BUDGET: '0', OFFLINE: 'true' }, 'gc')
  expect(offline.stdout).toMatch(/^Mirrored tarballs stay: the registry is offline\.\n/)
  expect((await run({ CACHE_BUDGET: '0' }, 'gc')).stdout).toMatch(/^Forgot 2 mirrored tarballs/)
  const rule = { POLICY_BLOCK: 'lib@>=2' }
  expect(await run(rule, 'policy', 'explain', 'lib@2.0.0')).toMatchObject({
    code: 1,
    stdout: 'lib@2.0.0 is withheld: it is blocked by "lib@>=2"\n',
  })
  expect(await run(rule, 'policy', 'explain', 'lib@1.0.0')).toMatchObject({ code: 0 })
})

test('upstream routes are read from JSON, and what is wrong with them is refused', () => {
  const read = (UPSTREAMS: string) =>
    resolveSettings({ flags: {}, environment: { UPSTREAMS }, folder: '/' }).config.upstreams
  expect(read('[{"match":"@acme/*","url":"https://npm.acme.example/","token":"t"}]')).toEqual([
    { match: '@acme/*', url: 'https://npm.acme.example', token: 't' },
  ])
  for (const wrong of [
    '{}',
    '[{"match":"a"}]',
    '[{"match":"a","url":"x"}]',
    '[{"match":"a","url":"none","to":1}]',
  ])
    expect(() => read(wrong)).toThrow('UPSTREAMS')
})
