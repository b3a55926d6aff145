import { expect, test, vi } from 'vitest'
import { dayOf, days, hours } from '../../src/base/time.ts'
import { type TestApp, testApp } from '../support/app.ts'
import { TurnedClock } from '../support/mirror.ts'
import { onEveryEngine } from '../support/services.ts'
import { startUpstream } from '../support/upstream.ts'

const clockAt = (date: string) => {
  const clock = new TurnedClock()
  clock.turn(Date.parse(date) - clock.now())
  return clock
}

async function fetched(app: TestApp, path: string, options: RequestInit = {}): Promise<number> {
  const reply = await fetch(app.url + path, options)
  await reply.arrayBuffer()
  return reply.status
}

onEveryEngine('downloads', (engine) => {
  test('of published and mirrored packages are told by period, package, version and day', async () => {
    await using upstream = await startUpstream({ packages: { left: { '1.0.0': {} } } })
    const clock = clockAt('2026-05-01T23:00:00Z')
    await using app = await testApp({ engine, clock, upstream: upstream.url })
    const kim = await app.user('kim')
    for (const version of ['1.0.0', '2.0.0']) await kim.publish('@kim/box', version)
    await kim.publish('lid', '1.0.0')
    for (const version of ['1.0.0', '1.0.0', '2.0.0'])
      expect(await fetched(app, `/@kim/box/-/box-${version}.tgz`)).toBe(200)
    clock.turn(hours(2))
    for (const path of ['/@kim%2fbox/-/box-1.0.0.tgz', '/left/-/left-1.0.0.tgz', '/left/-/left-1.0.0.tgz'])
      expect(await fetched(app, path)).toBe(200)
    await app.registry.tally.flush()
    const told = async (path: string) => (await kim.get(path)).json

    const week = { start: '2026-04-26', end: '2026-05-02' }
    const box = { ...week, package: '@kim/box' }
    expect(await told('/downloads/point/last-week/@kim/box')).toEqual({ downloads: 4, ...box })
    expect(await told('/downloads/point/last-week/@kim%2fbox')).toEqual({ downloads: 4, ...box })
    expect(await told('/npm/downloads/point/2026-05-01/%40kim%2Fbox')).toMatchObject({ downloads: 3 })
    expect(await told('/downloads/point/last-week')).toEqual({ downloads: 6, ...week })
    expect(await told('/downloads/point/last-day/left,lid,right')).toEqual({
      left: { downloads: 2, start: '2026-05-02', end: '2026-05-02', package: 'left' },
      lid: { downloads: 0, start: '2026-05-02', end: '2026-05-02', package: 'lid' },
      right: null,
    })
    expect(await told('/downloads/range/2026-04-30:2026-05-02/@kim/box')).toEqual({
      start: '2026-04-30',
      end: '2026-05-02',
      package: '@kim/box',
      downloads: [
        { downloads: 0, day: '2026-04-30' },
        { downloads: 3, day: '2026-05-01' },
        { downloads: 1, day: '2026-05-02' },
      ],
    })
    expect((await told('/downloads/range/last-month')).downloads).toHaveLength(30)
    expect(await told('/versions/@kim%2fbox/last-week')).toEqual({
      package: '@kim/box',
      downloads: { '1.0.0': 3, '2.0.0': 1 },
    })
    expect((await told('/-/v1/search?text=box')).objects[0].downloads).toEqual({ weekly: 4, monthly: 4 })
  })

  test('of several replicas add up', async () => {
    await using place = await engine.place()
    const { config } = place
    await using one = await testApp({ storage: config })
    await using other = await testApp({ storage: config })
    const kim = await one.user('kim')
    await kim.publish('box', '1.0.0')
    for (const app of [one, other, other]) await fetched(app, '/box/-/box-1.0.0.tgz')
    await Promise.all([one.registry.tally.flush(), other.registry.tally.flush()])
    expect((await kim.get('/downloads/point/last-day/box')).json).toMatchObject({ downloads: 3 })
  })

  test('are forgotten by upkeep after 18 months', async () => {
    // Upkeep goes by the database's clock.
    const clock = clockAt(new Date(Date.now() - days(551)).toISOString())
    await using app = await testApp({ engine, clock })
    const kim = await app.user('kim')
    await kim.publish('box', '1.0.0')
    const counted = async () => {
      const tallied = await app.storage.sql.read.selectFrom('download').select('day').execute()
      return tallied.map(({ day }) => day)
    }
    const first = dayOf(clock.now())
    await fetched(app, '/box/-/box-1.0.0.tgz')
    clock.turn(days(4))
    await fetched(app, '/box/-/box-1.0.0.tgz')
    await app.registry.tally.flush()
    expect((await counted()).toSorted()).toEqual([first, first + 4])
    app.registry.chores.start({ every: 40 })
    await vi.waitUntil(async () => (await counted()).length < 2)
    expect(await counted()).toEqual([first + 4])
  })
})

test('looking, having it already and going on with a part are no downloads', async () => {
  await using app = await testApp({ inside: true })
  const kim = await app.user('kim')
  await kim.publish('box', '1.0.0')
  const path = '/box/-/box-1.0.0.tgz'
  const etag = (await kim.get(path)).headers.get('etag') ?? ''
  expect(await fetched(app, path, { method: 'HEAD' })).toBe(200)
  expect(await fetched(app, path, { headers: { 'if-none-match': etag } })).toBe(304)
  expect(await fetched(app, path, { headers: { range: 'bytes=5-' } })).toBe(206)
  await app.registry.tally.flush()
  expect((await kim.get('/downloads/point/last-day/box')).json).toMatchObject({ downloads: 1 })
})

test('what is still in memory is written when the registry closes', async () => {
  await using app = await testApp({ inside: true })
  const kim = await app.user('kim')
  await kim.publish('box', '1.0.0')
  await fetched(app, '/box/-/box-1.0.0.tgz')
  await app.registry.close()
  const rows = await app.storage.sql.read.selectFrom('download').select(['version', 'count']).execute()
  expect(rows).toEqual([{ version: '1.0.0', count: 1 }])
})

test('counts of a restricted package are for those who may read it', async () => {
  await using app = await testApp({ inside: true })
  const [kim, lee] = [await app.user('kim'), await app.user('lee')]
  await kim.publish('@kim/box', '1.0.0', {
    spoil: (document) => {
      document.access = 'restricted'
    },
  })
  expect((await kim.get('/@kim/box/-/box-1.0.0.tgz')).status).toBe(200)
  await app.registry.tally.flush()
  for (const path of [
    '/downloads/point/last-day/@kim/box',
    '/downloads/range/last-day/@kim/box',
    '/versions/@kim/box/last-week',
  ]) {
    expect([path, (await kim.get(path)).status]).toEqual([path, 200])
    expect([path, (await lee.get(path)).status]).toEqual([path, 404])
  }
  expect((await kim.get('/downloads/point/last-day/@kim/box')).json).toMatchObject({ downloads: 1 })
  expect((await lee.get('/downloads/point/last-day')).json).toMatchObject({ downloads: 0 })
})

onEveryEngine('a question', (engine) => {
  test('that makes no sense is told why', async () => {
    await using app = await testApp({ engine })
    const kim = await app.user('kim')
    await kim.publish('box', '1.0.0')
    const many = Array.from({ length: 129 }, (_, at) => `p${at}`).join(',')
    for (const [path, status, why] of [
      ['point/yesterday/box', 400, '"yesterday" is no period; use last-day, last-week'],
      ['point/2026-02-30/box', 400, '"2026-02-30" is no period'],
      ['point/2026-02-02:2026-02-01/box', 400, 'the period ends (2026-02-01) before it begins (2026-02-02)'],
      ['range/0001-01-01:9999-12-31/box', 400, 'a period has at most 549 days'],
      ['range/2025-01-01:2026-01-01/box,lid', 400, 'several packages can be asked for at most 365 days'],
      ['point/last-day/box,@kim/lid', 400, 'scoped packages cannot be asked for together'],
      [`point/last-day/${many}`, 400, 'at most 128 packages'],
      ['point/last-day/lid', 404, 'Could not find "lid"'],
      ['point/last-day/,', 404, 'Could not find ""'],
      ['point/last-day/%00', 404, 'Could not find'],
    ] as const) {
      const { status: got, json } = await kim.get(`/downloads/${path}`)
      expect([path, got, json.error]).toEqual([path, status, expect.stringContaining(why)])
    }
    expect((await kim.get('/versions/box/last-month')).status).toBe(400)
  })
})

test('packages called downloads and versions are installed all the same', async () => {
  await using app = await testApp()
  const kim = await app.user('kim')
  for (const name of ['downloads', 'versions']) {
    await kim.publish(name, '1.0.0')
    expect((await kim.get(`/${name}`)).json.name).toBe(name)
    expect((await kim.get(`/${name}/1.0.0`)).json.version).toBe('1.0.0')
    expect((await kim.get(`/${name}/-/${name}-1.0.0.tgz`)).status).toBe(200)
  }
})
