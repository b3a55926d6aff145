import { describe, expect, test, vi } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { minutes } from '../../src/base/time.ts'
import { connectRedis } from '../../src/storage/kv-redis-connect.ts'
import { startRedis } from '../support/servers.ts'
import { missing } from '../support/services.ts'

describe.skipIf(missing.redis)(missing.redis ?? 'when Redis goes away', () => {
  test('reads are misses, writes are dropped, counts are kept here, leases are refused, and one line says so', async (t) => {
    const server = await startRedis()
    t.onTestFinished(() => server.stop())
    const warn = vi.fn()
    const kv = await connectRedis(server.url, { ...silentLog, warn })
    t.onTestFinished(() => kv.close())
    await kv.set('key', 'value', minutes(1))
    expect(String(await kv.get('key'))).toBe('value')
    expect(warn).not.toHaveBeenCalled()

    await server.stop()
    await vi.waitUntil(async () => (await kv.get('key')) === undefined)
    await kv.set('key', 'value', minutes(1))
    await kv.delete('key')
    expect(await kv.increment('count', minutes(1))).toBe(1)
    expect(await kv.increment('count', minutes(1))).toBe(2)
    expect(await kv.lease('job', minutes(1))).toBeUndefined()
    expect(warn).toHaveBeenCalledOnce()
  })

  test('a server that starts before Redis goes on without it, and finds it later', async (t) => {
    const server = await startRedis()
    await server.stop()
    const kv = await connectRedis(server.url, silentLog)
    t.onTestFinished(() => kv.close())
    expect(await kv.get('key')).toBeUndefined()

    const again = await startRedis(Number(new URL(server.url).port))
    t.onTestFinished(() => again.stop())
    await vi.waitUntil(
      async () => {
        await kv.set('key', 'value', minutes(1))
        return (await kv.get('key')) !== undefined
      },
      { timeout: 15_000 },
    )
  })
})
