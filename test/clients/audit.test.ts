import { expect, test } from 'vitest'
import { testApp } from '../support/app.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { startUpstream } from '../support/upstream.ts'
import { Client } from './client.ts'

const BULK = '/-/npm/v1/security/advisories/bulk'
const advisory = {
  id: 7,
  severity: 'high',
  title: 'a known hole',
  url: 'https://example.org/7',
  vulnerable_versions: '<2.0.0',
  cwe: ['CWE-79'],
  cvss: { score: 7.5, vectorString: 'CVSS:3.1/AV:N' },
}

test.each(['npm', 'pnpm'] as const)('%s audit tells of a hole in a mirrored package', async (name) => {
  await using upstream = await startUpstream({ packages: { left: { '1.0.0': {} } } })
  upstream.misbehave(BULK, (_, reply) => void reply.end(JSON.stringify({ left: [advisory] })))
  await using app = await testApp({ upstream: upstream.url })
  await using folder = await temporaryFolder()
  const client = await Client.open(name, { folder: folder.path, registry: app.url })
  expect(await client.add('left@1.0.0')).toMatchObject({ code: 0 })
  expect((await client.run('audit')).output).toContain('a known hole')
})

test('pnpm audit signatures passes with packages published here', async () => {
  await using app = await testApp()
  await using folder = await temporaryFolder()
  const kim = await app.user('kim')
  await kim.publish('@kim/box', '1.0.0')
  const setup = { folder: folder.path, registry: app.url, token: kim.token ?? '' }
  const pnpm = await Client.open('pnpm', setup)
  await pnpm.write('.npmrc', 'minimum-release-age=0\n')
  expect(await pnpm.add('@kim/box@1.0.0')).toMatchObject({ code: 0 })
  expect((await pnpm.run('audit', 'signatures')).output).toMatch(/1 .*(?:verified|valid)/)
})
