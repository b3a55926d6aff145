import { describe, expect, test } from 'vitest'
import { isFault } from '../../src/base/fault.ts'
import { silentLog } from '../../src/base/log.ts'
import { Attempts } from '../../src/registry/attempts.ts'
import { connectRedis } from '../../src/storage/kv-redis-connect.ts'
import { startRedis } from '../support/servers.ts'
import { missing, onEveryEngine } from '../support/services.ts'

type Guesser = (n: number) => { account: string; address: string }

/** Guesses wrongly, all at once, and resolves to how many guesses were looked at. */
async function allAtOnce(attempts: Attempts, guesses: number, who: Guesser): Promise<number> {
  let looked = 0
  const wrong = async () => {
    looked++
    return undefined
  }
  const results = await Promise.allSettled(
    Array.from({ length: guesses }, (_, n) => attempts.guess(who(n), wrong)),
  )
  for (const it of results)
    if (it.status === 'rejected') expect(isFault(it.reason, 'TOO_MANY_REQUESTS')).toBe(true)
  return looked
}

onEveryEngine('guessing', (engine) => {
  test('a hundred at once on one account are no more than ten in a row', async () => {
    await using storage = await engine.open()
    const attempts = new Attempts(storage.kv, 'password')
    const looked = await allAtOnce(attempts, 100, () => ({ account: 'kim', address: '192.0.2.1' }))
    expect(looked).toBe(10)
  })

  test('a hundred at once on as many accounts are no more than sixty in a row', async () => {
    await using storage = await engine.open()
    const attempts = new Attempts(storage.kv, 'password')
    const one = (n: number) => ({ account: `kim${n}`, address: '192.0.2.1' })
    expect(await allAtOnce(attempts, 100, one)).toBe(60)
    expect(await allAtOnce(attempts, 1, () => ({ account: 'lee', address: '192.0.2.2' }))).toBe(1)
  })

  test('who knows the secret is not counted', async () => {
    await using storage = await engine.open()
    const attempts = new Attempts(storage.kv, 'password')
    const kim = { account: 'kim', address: '192.0.2.1' }
    for (let n = 0; n < 70; n++) expect(await attempts.guess(kim, async () => 'kim')).toBe('kim')
  })

  test('who is locked out of one account does not lock out the others at that address', async () => {
    await using storage = await engine.open()
    const attempts = new Attempts(storage.kv, 'password')
    await allAtOnce(attempts, 200, () => ({ account: 'kim', address: '192.0.2.1' }))
    expect(await attempts.guess({ account: 'lee', address: '192.0.2.1' }, async () => 'lee')).toBe('lee')
  })
})

describe.skipIf(missing.redis)(missing.redis ?? 'guessing while Redis is away', () => {
  test('is no more than ten in a row, and sixty from one address', async (t) => {
    const server = await startRedis()
    t.onTestFinished(() => server.stop())
    const kv = await connectRedis(server.url, silentLog)
    t.onTestFinished(() => kv.close())
    const attempts = new Attempts(kv, 'password')
    await server.stop()
    expect(await allAtOnce(attempts, 50, () => ({ account: 'kim', address: '192.0.2.1' }))).toBe(10)
    expect(await allAtOnce(attempts, 100, (n) => ({ account: `kim${n}`, address: '192.0.2.1' }))).toBe(50)
    expect(await allAtOnce(attempts, 1, () => ({ account: 'kim', address: '192.0.2.2' }))).toBe(1)
  })
})
