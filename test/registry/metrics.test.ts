import { expect, test } from 'vitest'
import { testApp } from '../support/app.ts'
import { startUpstream } from '../support/upstream.ts'

test('an administrator reads what was asked of us and of the upstream; nobody else does', async () => {
  await using upstream = await startUpstream({ packages: { lib: { '1.0.0': {} } } })
  await using app = await testApp({ upstream: upstream.url })
  const ada = await app.user('ada', { admin: true })
  const kim = await app.user('kim')
  for (let turn = 0; turn < 3; turn++) {
    const reply = await fetch(`${app.url}/lib/-/lib-1.0.0.tgz`)
    await reply.bytes()
    await app.registry.contents.tarball(await headOf(app), '1.0.0')
  }
  await fetch(`${app.url}/absent`)
  const reply = await ada.get('/-/metrics')
  expect(reply.status).toBe(200)
  const text = reply.bytes.toString()
  const of = (what: string) => `what="${what}",upstream="${upstream.url}"`
  const size = upstream.tarball('lib', '1.0.0').length
  expect(text).toContain('entropic_tarball_requests_total{from="upstream"} 1')
  expect(text).toContain('entropic_tarball_requests_total{from="store"} 5')
  expect(text).toContain(`entropic_upstream_requests_total{${of('document')},outcome="fresh"} 1`)
  expect(text).toContain(`entropic_upstream_requests_total{${of('document')},outcome="absent"} 1`)
  expect(text).toContain(`entropic_upstream_bytes_total{${of('tarball')}} ${size}`)
  expect(text).toContain(`entropic_upstream_seconds_bucket{${of('document')},le="+Inf"} 2\n`)
  expect((await kim.get('/-/metrics')).status).toBe(403)
  expect((await fetch(`${app.url}/-/metrics`)).status).toBe(401)
})

function headOf(app: Awaited<ReturnType<typeof testApp>>) {
  return app.registry.packages.head(async () => ({ kind: 'anonymous' }), {
    namespace: 'legacy',
    host: '',
    name: 'lib',
  })
}
