import { expect, test } from 'vitest'
import { isFault } from '../../src/base/fault.ts'
import { minutes } from '../../src/base/time.ts'
import type { User } from '../../src/registry/model.ts'
import { type TestApp, testApp } from '../support/app.ts'
import { TurnedClock } from '../support/mirror.ts'
import { onEveryEngine } from '../support/services.ts'

const waiting = { description: 'laptop', address: '10.0.0.1', agent: 'npm/11' }
const by = { actor: 'kim', address: '10.0.0.2' }
const code = (error: unknown) => (isFault(error) ? error.code : error)

async function userOf(app: TestApp, name: string): Promise<User> {
  const { token = '' } = await app.user(name)
  const caller = await app.registry.tokens.identify(token)
  if (caller?.kind !== 'user') throw new Error('the token is somebody’s')
  return caller
}

onEveryEngine('login challenges', ({ place }) => {
  async function open(clock = new TurnedClock()) {
    const at = await place()
    const app = await testApp({ storage: at.config, clock })
    return {
      app,
      logins: app.registry.logins,
      clock,
      [Symbol.asyncDispose]: () => app[Symbol.asyncDispose]().then(() => at[Symbol.asyncDispose]()),
    }
  }

  test('a challenge hands its token out once, to exactly one of many who ask', async () => {
    await using at = await open()
    const kim = await userOf(at.app, 'kim')
    const { id, poll } = await at.logins.begin(waiting)
    expect(id).not.toBe(poll)
    expect(await at.logins.claim(poll)).toEqual({ state: 'pending' })
    await at.logins.allow(id, kim, by)
    const claims = await Promise.allSettled(Array.from({ length: 20 }, () => at.logins.claim(poll)))
    const won = claims.flatMap((claim) => (claim.status === 'fulfilled' ? [claim.value] : []))
    expect(won).toEqual([{ state: 'done', token: expect.stringMatching(/^ent_/), username: 'kim' }])
    await expect(at.logins.claim(poll).catch(code)).resolves.toBe('NOT_FOUND')
    expect((await at.app.registry.tokens.list('kim')).map(({ description }) => description)).toContain(
      'laptop',
    )
  })

  test('what stands in the address for the person fetches no token', async () => {
    await using at = await open()
    const kim = await userOf(at.app, 'kim')
    const { id } = await at.logins.begin(waiting)
    await at.logins.allow(id, kim, by)
    await expect(at.logins.claim(id).catch(code)).resolves.toBe('NOT_FOUND')
  })

  test('denied is denied, also for who allows it a moment later', async () => {
    await using at = await open()
    const kim = await userOf(at.app, 'kim')
    const { id, poll } = await at.logins.begin(waiting)
    await at.logins.deny(id, kim, by)
    await expect(at.logins.allow(id, kim, by).catch(code)).resolves.toBe('NOT_FOUND')
    await expect(at.logins.claim(poll).catch(code)).resolves.toBe('GONE')
  })

  test('after a quarter of an hour a challenge is over', async () => {
    await using at = await open()
    const kim = await userOf(at.app, 'kim')
    const { id, poll } = await at.logins.begin(waiting)
    at.clock.turn(minutes(15))
    await expect(at.logins.allow(id, kim, by).catch(code)).resolves.toBe('NOT_FOUND')
    await expect(at.logins.claim(poll).catch(code)).resolves.toBe('GONE')
  })

  test('a one-time password on the web is for the one who was asked, and its pass works once', async () => {
    await using at = await open()
    const kim = await userOf(at.app, 'kim')
    const lee = await userOf(at.app, 'lee')
    const { id, poll } = await at.logins.beginOtp(kim, waiting)
    await expect(at.logins.find(id, lee).catch(code)).resolves.toBe('NOT_FOUND')
    await at.logins.allow(id, kim, by)
    const claim = await at.logins.claim(poll)
    expect(claim).toMatchObject({ state: 'done', token: expect.stringMatching(/^otp_/) })
  })

  test('every answer is in the audit log, with where it came from', async () => {
    await using at = await open()
    const kim = await userOf(at.app, 'kim')
    const { id } = await at.logins.begin(waiting)
    await at.logins.allow(id, kim, by)
    const [last] = await at.app.registry.audit.list({ actor: 'kim' })
    expect(last).toMatchObject({ action: 'login.allow', subject: 'kim', address: '10.0.0.2' })
  })
})
