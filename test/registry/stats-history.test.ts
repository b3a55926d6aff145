import { expect, test } from 'vitest'
import { dayOf } from '../../src/base/time.ts'
import type { Caller } from '../../src/registry/model.ts'
import { testApp } from '../support/app.ts'
import { startUpstream, tarballPath } from '../support/upstream.ts'

const admin: Caller = { kind: 'user', id: 'admin', name: 'admin', admin: true, mayPublish: true }

test('the history tells how often a mirrored tarball was there already, and the bytes that saved', async () => {
  await using upstream = await startUpstream({ packages: { left: { '1.0.0': {} } } })
  await using app = await testApp({ upstream: upstream.url })
  const anybody = app.anonymous()
  const path = tarballPath('left', '1.0.0')
  for (let time = 0; time < 4; time++) expect((await anybody.get(path)).status).toBe(200)
  await app.registry.tally.flush()
  const today = dayOf(Date.now())
  const { length } = upstream.tarball('left', '1.0.0')
  expect(await app.registry.stats.history(admin, { from: today, to: today })).toMatchObject({
    hits: [3],
    misses: [1],
    'served-bytes': [4 * length],
    'fetched-bytes': [length],
  })
})
