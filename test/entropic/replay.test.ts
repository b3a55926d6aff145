import { expect, test } from 'vitest'
import { testApp } from '../support/app.ts'
import { onEveryStorage } from '../support/services.ts'
import { differences } from './differences.ts'
import { answered, type Exchange, exchanges, isWebsite, recorded, send, withoutCode } from './replay.ts'
import { tinyNpm } from './tiny-npm.ts'

/** Where the original listened when it was recorded: its name is part of what it hashed. */
const HOST = '127.0.0.1:13000'

const UPSTREAM = {
  'tiny-thing': { '1.0.0': {}, '1.1.0': { dependencies: { 'tiny-dep': '^2.0.0' } } },
  '@scoped/thing': { '0.1.0': { bundledDependencies: ['inner'], dependencies: { inner: '1' } } },
}

type Outcome = 'identical' | 'identical but for the code' | 'different on purpose'

onEveryStorage('the original registry', (engine) => {
  test('answered these questions as this one does, or differently for a reason', async () => {
    await using npm = await tinyNpm(UPSTREAM)
    await using place = await engine.place()
    await using app = await testApp({ host: HOST, upstream: npm.url, storage: place.config })
    const tokens: Record<string, string> = { revoked: 'ent_revoked' }
    for (const name of ['alice', 'bob', 'carol']) tokens[name] = (await app.user(name)).token ?? ''
    const all = await exchanges()
    const counts: Record<string, number> = { 'the website’s': all.filter(isWebsite).length }
    for (const exchange of all.filter((one) => !isWebsite(one))) {
      const outcome = await compare(app.url, exchange, tokens)
      counts[outcome] = (counts[outcome] ?? 0) + 1
    }
    expect(counts).toEqual({
      identical: 48,
      'identical but for the code': 53,
      'different on purpose': differences.size,
      'the website’s': 62,
    })
  })
})

async function compare(
  url: string,
  exchange: Exchange,
  tokens: Readonly<Record<string, string>>,
): Promise<Outcome> {
  const wanted = recorded(exchange)
  const given = await answered(await send(url, exchange, tokens))
  const known = differences.get(exchange.key)
  if (!known) {
    expect.soft(withoutCode(given), `${exchange.key} ${exchange.label ?? ''}`).toEqual(withoutCode(wanted))
    return given.body === wanted.body ? 'identical' : 'identical but for the code'
  }
  expect.soft(given.status, `${exchange.key}: ${known.because}`).toBe(known.status)
  expect.soft(withoutCode(given), `${exchange.key} is identical after all`).not.toEqual(withoutCode(wanted))
  return 'different on purpose'
}
