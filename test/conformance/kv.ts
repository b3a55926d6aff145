import { describe, expect, type TestContext, test, vi } from 'vitest'
import { minutes } from '../../src/base/time.ts'
import type { Kv } from '../../src/storage/kv.ts'

/** What every Kv must do alike; `open` makes an empty one. */
export function kvSuite(name: string, open: () => Promise<Kv>): void {
  describe(`kv (${name})`, () => {
    const opened = async (t: TestContext) => {
      const kv = await open()
      t.onTestFinished(() => kv.close())
      return kv
    }
    describe('values', () => values(opened))
    describe('counters', () => counters(opened))
    describe('leases', () => leases(opened))
  })
}

type Opened = (t: TestContext) => Promise<Kv>

const MOMENT = 40

function values(opened: Opened): void {
  test('a value comes back byte for byte', async (t) => {
    const kv = await opened(t)
    const bytes = Buffer.from([0, 255, 128, 10, 13, 0xc3, 0x28])
    await kv.set('bytes', bytes, minutes(1))
    await kv.set('text', 'käse', minutes(1))
    expect(await kv.get('bytes')).toEqual(bytes)
    expect(String(await kv.get('text'))).toBe('käse')
  })

  test('a key never set is undefined', async (t) => {
    const kv = await opened(t)
    expect(await kv.get('nothing')).toBeUndefined()
  })

  test('the last value set is the one that counts', async (t) => {
    const kv = await opened(t)
    await kv.set('key', 'old', minutes(1))
    await kv.set('key', 'new', minutes(1))
    expect(String(await kv.get('key'))).toBe('new')
  })

  test('a deleted key is gone, and deleting it again is no error', async (t) => {
    const kv = await opened(t)
    await kv.set('key', 'value', minutes(1))
    await kv.delete('key')
    await kv.delete('key')
    expect(await kv.get('key')).toBeUndefined()
  })

  test('a value is forgotten when its time is over', async (t) => {
    const kv = await opened(t)
    await kv.set('key', 'value', MOMENT)
    await vi.waitUntil(async () => (await kv.get('key')) === undefined)
  })

  test('two stores share nothing', async (t) => {
    const [one, other] = [await opened(t), await opened(t)]
    await one.set('key', 'value', minutes(1))
    expect(await other.get('key')).toBeUndefined()
  })
}

function counters(opened: Opened): void {
  test('fifty at once are counted one by one', async (t) => {
    const kv = await opened(t)
    const counts = await Promise.all(Array.from({ length: 50 }, () => kv.increment('count', minutes(1))))
    expect(counts.sort((a, b) => a - b)).toEqual(Array.from({ length: 50 }, (_, index) => index + 1))
  })

  test('the first count starts the time, later ones do not prolong it', async (t) => {
    const kv = await opened(t)
    expect(await kv.increment('count', MOMENT)).toBe(1)
    await vi.waitUntil(async () => (await kv.increment('count', minutes(1))) === 1, { interval: MOMENT / 4 })
  })

  test('a count can be taken back', async (t) => {
    const kv = await opened(t)
    await kv.increment('count', minutes(1))
    await kv.increment('count', minutes(1))
    expect(await kv.increment('count', minutes(1), -1)).toBe(1)
  })

  test('a deleted counter begins anew', async (t) => {
    const kv = await opened(t)
    await kv.increment('count', minutes(1))
    await kv.delete('count')
    expect(await kv.increment('count', minutes(1))).toBe(1)
  })
}

function leases(opened: Opened): void {
  test('of twenty who ask at once, one gets the lease', async (t) => {
    const kv = await opened(t)
    const asked = await Promise.all(Array.from({ length: 20 }, () => kv.lease('job', minutes(1))))
    expect(asked.filter(Boolean)).toHaveLength(1)
  })

  test('a lease given back can be taken again', async (t) => {
    const kv = await opened(t)
    {
      await using lease = await kv.lease('job', minutes(1))
      expect(lease).toBeDefined()
      expect(await kv.lease('job', minutes(1))).toBeUndefined()
    }
    expect(await kv.lease('job', minutes(1))).toBeDefined()
  })

  test('giving back a lease that ran out does not take it from its next holder', async (t) => {
    const kv = await opened(t)
    const late = await kv.lease('job', MOMENT)
    const next = await vi.waitUntil(() => kv.lease('job', minutes(1)))
    await late?.[Symbol.asyncDispose]()
    expect(await kv.lease('job', minutes(1))).toBeUndefined()
    await next[Symbol.asyncDispose]()
    expect(await kv.lease('job', minutes(1))).toBeDefined()
  })
}
