import { expect, test, vi } from 'vitest'
import { days, hours, minutes, systemClock } from '../../src/base/time.ts'
import { databaseNow, takeLease } from '../../src/storage/tables/leases.ts'
import { insertSession } from '../../src/storage/tables/sessions.ts'
import { testApp } from '../support/app.ts'
import { makeToken, ServerProcess } from '../support/server-process.ts'
import { missing, onEveryEngine, postgresUrl } from '../support/services.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const RUNS = /entropic_upkeep_runs_total\{outcome="ok"\} (\d+)/
const SOON = { every: 40 }

onEveryEngine('upkeep', (engine) => {
  test('what is past its time goes, what is not stays, and figures tell of it', async () => {
    await using app = await testApp({ engine })
    const { storage, registry } = app
    const now = await databaseNow(storage.sql)
    const session = { account_id: null, data: '{}', address: '', agent: '', created_at: 0, used_at: 0 }
    await storage.sql.transaction(async (tx) => {
      await insertSession(tx, { ...session, id: 'over', expires_at: now - 1 })
      await insertSession(tx, { ...session, id: 'open', expires_at: now + hours(1) })
    })
    await registry.audit.note({ address: '' }, { action: 'login.fail', subject: 'kim' })
    await storage.sql.transaction((tx) =>
      tx
        .updateTable('audit')
        .set({ at: now - days(2) })
        .execute(),
    )
    registry.chores.start({ ...SOON, auditKeep: days(1) })
    await vi.waitUntil(() => RUNS.test(registry.metrics.text()))
    const sessions = await storage.sql.read.selectFrom('session').select('id').execute()
    expect(sessions).toEqual([{ id: 'open' }])
    expect(await registry.audit.list()).toEqual([])
    expect(registry.metrics.text()).toContain('entropic_upkeep_removed_total{what="sessions"} 1')
    expect(registry.metrics.text()).toContain('entropic_upkeep_removed_total{what="audit"} 1')
    expect(registry.metrics.text()).toMatch(/^entropic_upkeep_last_run_timestamp_seconds \d+/m)
  })

  test('while one works nobody else does; one that died is followed when its lease has run out', async () => {
    await using app = await testApp({ engine })
    const { chores, metrics } = app.registry
    const inside = await chores.alone(async () => chores.alone(async () => 'both'))
    expect(inside).toBeUndefined()
    const lease = { name: 'upkeep', holder: 'the dead' }
    await takeLease(app.storage.sql, { ...lease, ttl: minutes(1) })
    expect(await chores.alone(async () => 'both')).toBeUndefined()
    await takeLease(app.storage.sql, { ...lease, ttl: -1 })
    chores.start(SOON)
    await vi.waitUntil(() => RUNS.test(metrics.text()))
  })

  test('who was overtaken hears of it, and stamps nothing', async () => {
    await using app = await testApp({ engine })
    const { sql } = app.storage
    await app.registry.chores.alone(async () => {
      await sql.transaction((tx) => tx.updateTable('lease').set({ until: 0 }).execute())
      expect(await takeLease(sql, { name: 'upkeep', holder: 'another', ttl: minutes(1) })).toBeDefined()
    })
    // The other's lease is not given back by who lost it.
    expect(await app.registry.chores.alone(async () => 'both')).toBeUndefined()
  })

  test('servers whose clocks differ by minutes agree on what is due', async () => {
    await using place = await engine.place()
    const at = (offset: number) => ({ clock: { now: () => systemClock.now() + offset } })
    const shared = { storage: place.config }
    await using early = await testApp({ ...shared, ...at(-minutes(20)) })
    await using late = await testApp({ ...shared, ...at(minutes(20)) })
    const servers = [early, late].map(({ registry }) => registry)
    for (const { chores } of servers) chores.start({ every: hours(1) / 4000 })
    const runs = () => servers.map(({ metrics }) => Number(RUNS.exec(metrics.text())?.[1] ?? 0))
    await vi.waitUntil(() => runs().some((count) => count > 0), { timeout: 10_000 })
    const { value } = await early.storage.sql.read
      .selectFrom('setting')
      .select('value')
      .where('name', '=', 'upkeep-at')
      .executeTakeFirstOrThrow()
    expect(Math.abs(Number(value) - (await databaseNow(early.storage.sql)))).toBeLessThan(minutes(1))
  })
})

test.skipIf(missing.postgres)(
  'of two replicas one works at a time; when it is killed, the other goes on',
  async () => {
    await using folder = await temporaryFolder()
    const env = { POSTGRES_URL: (await postgresUrl()) ?? '', UPKEEP_EVERY: '400ms' }
    const start = () => ServerProcess.start({ folder: folder.path, env })
    await using first = await start()
    await using second = await start()
    const token = await makeToken(folder.path, 'kim', env, ['--admin'])
    const runs = async ({ url }: ServerProcess) => {
      const answer = await fetch(`${url}/-/metrics`, { headers: { authorization: `Bearer ${token}` } })
      return Number(RUNS.exec(await answer.text())?.[1] ?? 0)
    }
    await vi.waitUntil(async () => (await runs(first)) + (await runs(second)) > 0, { timeout: 20_000 })
    const [dead, other] = (await runs(first)) > 0 ? [first, second] : [second, first]
    await dead.kill()
    const before = await runs(other)
    await vi.waitUntil(async () => (await runs(other)) > before, { timeout: 20_000 })
  },
)
