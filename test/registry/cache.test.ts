import { expect, test } from 'vitest'
import { days, hours, minutes } from '../../src/base/time.ts'
import { testApp } from '../support/app.ts'
import { noise, TurnedClock } from '../support/mirror.ts'
import { startUpstream } from '../support/upstream.ts'

const files = (text: string) => ({
  files: { 'noise.bin': Buffer.concat([Buffer.from(text), noise(10_000)]) },
})
const packages = { a: { '1.0.0': files('a') }, b: { '1.0.0': files('b') }, c: { '1.0.0': files('c') } }

test('when room is short, the mirrored tarballs not asked for the longest go, and come again when they are asked for', async () => {
  await using t = await threeTarballs()
  const kim = await t.app.user('kim')
  expect((await kim.publish('@kim/box', '1.0.0')).status).toBe(201)
  const { cache } = t.app.registry
  const size = t.upstream.tarball('a', '1.0.0').length
  expect(await cache.evict({ bytes: 2.5 * size }, { dryRun: true })).toMatchObject({ versions: 1 })
  expect(await cache.evict({ bytes: 2.5 * size })).toMatchObject({ versions: 1 })
  expect(await t.stored()).toEqual(['a', 'c'])
  expect(await cache.evict({ bytes: 0 })).toMatchObject({ versions: 2 })
  expect((await kim.get('/@kim/box/-/box-1.0.0.tgz')).status).toBe(200)
  expect(t.app.registry.metrics.text()).toContain('entropic_evicted_tarballs_total{} 3\n')
  const figures = await t.app.storage.sql.read.selectFrom('day_figure').select(['name', 'value']).execute()
  const forgotten = figures.filter(({ name }) => name === 'evicted-bytes')
  expect(forgotten.map(({ value }) => value)).toEqual([3 * size])
  await t.fetch('b')
  expect(await t.stored()).toEqual(['b'])
})

test('what nobody asked for so long goes, however much room there is', async () => {
  await using t = await threeTarballs()
  t.clock.turn(days(1) - minutes(7))
  expect(await t.app.registry.cache.evict({ age: days(1) })).toMatchObject({ versions: 1 })
  expect(await t.stored()).toEqual(['a', 'c'])
})

/** Fetched in the order a, b, c, an hour between them; then a was asked for again. */
async function threeTarballs() {
  await using opening = new AsyncDisposableStack()
  const clock = new TurnedClock()
  const upstream = opening.use(await startUpstream({ packages }))
  const app = opening.use(await testApp({ upstream: upstream.url, clock }))
  const fetchTarball = async (name: string) => {
    const reply = await fetch(`${app.url}/${name}/-/${name}-1.0.0.tgz`)
    expect([reply.status, (await reply.bytes()).length > 10_000]).toEqual([200, true])
  }
  for (const name of ['a', 'b', 'c', 'a']) {
    await fetchTarball(name)
    clock.turn(hours(1) / 20)
  }
  await app.registry.cache.flush()
  const stored = async () => {
    const rows = await app.storage.sql.read
      .selectFrom('version')
      .innerJoin('package', 'package.id', 'version.package_id')
      .select('package.npm_name')
      .where('tarball', 'is not', null)
      .where('source', '=', 'mirror')
      .execute()
    return rows.map(({ npm_name }) => npm_name).sort()
  }
  const opened = opening.move()
  return {
    app,
    clock,
    upstream,
    stored,
    fetch: fetchTarball,
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  }
}
