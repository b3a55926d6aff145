import { expect, test } from 'vitest'
import { minutes } from '../../src/base/time.ts'
import { mirroredPackage } from '../../src/registry/mirror/rows.ts'
import { listChanges } from '../../src/storage/tables/discovery.ts'
import { confirmLease, databaseNow, releaseLease, takeLease } from '../../src/storage/tables/leases.ts'
import { appendChange, insertPackage } from '../../src/storage/tables/packages.ts'
import { onEveryEngine } from '../support/services.ts'

onEveryEngine('leases', ({ open }) => {
  const wanted = { name: 'job', ttl: minutes(1) }

  test('of twenty who ask at once one gets the lease, and may prolong it', async () => {
    await using storage = await open()
    const asked = await Promise.all(
      Array.from({ length: 20 }, (_, n) => takeLease(storage.sql, { ...wanted, holder: `${n}` })),
    )
    expect(asked.filter(Boolean)).toHaveLength(1)
    const holder = String(asked.findIndex(Boolean))
    expect(await takeLease(storage.sql, { ...wanted, holder })).toEqual(asked.find(Boolean))
  })

  test('a lease that ran out passes on, and its earlier holder writes nothing more', async () => {
    await using storage = await open()
    const early = await takeLease(storage.sql, { ...wanted, holder: 'early', ttl: -1 })
    const late = await takeLease(storage.sql, { ...wanted, holder: 'late' })
    if (!early || !late) throw new Error('both got it in turn')
    expect(late.fence).toBeGreaterThan(early.fence)
    expect(await storage.sql.transaction((tx) => confirmLease(tx, early))).toBe(false)
    expect(await storage.sql.transaction((tx) => confirmLease(tx, late))).toBe(true)
    await storage.sql.transaction((tx) => releaseLease(tx, early))
    expect(await takeLease(storage.sql, { ...wanted, holder: 'third' })).toBeUndefined()
    await storage.sql.transaction((tx) => releaseLease(tx, late))
    expect(await takeLease(storage.sql, { ...wanted, holder: 'third' })).toBeDefined()
  })

  test('the time of a lease is the database’s', async () => {
    await using storage = await open()
    await takeLease(storage.sql, { ...wanted, holder: 'one' })
    const row = await storage.sql.read.selectFrom('lease').selectAll().executeTakeFirstOrThrow()
    expect(Math.abs(row.until - wanted.ttl - (await databaseNow(storage.sql)))).toBeLessThan(minutes(1))
  })
})

onEveryEngine('the change feed', ({ open }) => {
  test('a follower who resumes after the last change seen misses none that was on its way', async () => {
    await using storage = await open()
    const { sql } = storage
    const row = mirroredPackage('box', 0)
    await sql.transaction((tx) => insertPackage(tx, row))
    const seen: number[] = []
    const follow = async () => {
      for (const { change } of await listChanges(sql.read, seen.at(-1) ?? 0, 1000)) seen.push(change.seq)
    }
    const change = { at: 0, kind: 'refresh', detail: {} } as const
    const writers = Array.from({ length: 12 }, async () => {
      for (let turn = 0; turn < 10; turn++) {
        await sql.transaction(async (tx) => {
          await appendChange(tx, row.id, change)
          // A transaction goes on after its number is given.
          await tx.selectFrom('package').selectAll().execute()
        })
        await next()
      }
    })
    let following = Promise.resolve()
    const next = () => (following = following.then(follow))
    await Promise.all(writers)
    await next()
    expect(seen).toHaveLength(120)
  })
})
