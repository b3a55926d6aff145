import { expect, test } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { minutes } from '../../src/base/time.ts'
import { MemoryKv } from '../../src/storage/kv-memory.ts'

test('a sweep forgets what is due and leaves the rest', async (t) => {
  const clock = { now: () => Date.now() + skipped }
  let skipped = 0
  const kv = new MemoryKv(silentLog, clock)
  t.onTestFinished(() => kv.close())
  await kv.set('short', 'value', minutes(1))
  await kv.increment('count', minutes(1))
  await kv.set('long', 'value', minutes(10))
  await kv.sweep()
  expect(kv.size).toBe(3)
  skipped = minutes(2)
  await kv.sweep()
  expect(kv.size).toBe(1)
  expect(String(await kv.get('long'))).toBe('value')
})

test('closing a kv that was never used is no error', async () => {
  await new MemoryKv(silentLog).close()
})
