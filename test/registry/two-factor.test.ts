import { Secret, TOTP } from 'otpauth'
import { expect, test } from 'vitest'
import { isFault } from '../../src/base/fault.ts'
import { minutes, seconds } from '../../src/base/time.ts'
import { type TestApp, testApp } from '../support/app.ts'
import { TurnedClock } from '../support/mirror.ts'
import { onEveryEngine } from '../support/services.ts'

const by = { actor: 'kim', address: '10.0.0.2' }
const code = (error: unknown) => (isFault(error) ? error.code : error)

/** The app on kim's phone. */
function phone(uri: string, clock: TurnedClock): () => string {
  const totp = new TOTP({ secret: Secret.fromBase32(new URL(uri).searchParams.get('secret') ?? '') })
  return () => totp.generate({ timestamp: clock.now() })
}

async function withFactor(app: TestApp, clock: TurnedClock) {
  await app.user('kim')
  const kim = (await app.registry.accounts.find('kim')) ?? expect.fail('kim has an account')
  const { twoFactor } = app.registry
  const show = phone(await twoFactor.begin(kim, 'auth-and-writes'), clock)
  const recovery = await twoFactor.confirm(kim, show(), by)
  clock.turn(seconds(30))
  return { kim, show, recovery, twoFactor }
}

onEveryEngine('the second factor', ({ place }) => {
  async function open() {
    const clock = new TurnedClock()
    const at = await place()
    const app = await testApp({ storage: at.config, clock })
    const end = async () => {
      await app[Symbol.asyncDispose]()
      await at[Symbol.asyncDispose]()
    }
    return { ...(await withFactor(app, clock)), app, clock, [Symbol.asyncDispose]: end }
  }

  test('a code is taken once, in its own half minute or the ones beside it', async () => {
    await using at = await open()
    const now = at.show()
    await at.twoFactor.verify(at.kim, now, '')
    await expect(at.twoFactor.verify(at.kim, now, '').catch(code)).resolves.toBe('OTP_REQUIRED')
    at.clock.turn(seconds(30))
    const late = at.show()
    at.clock.turn(seconds(30))
    await at.twoFactor.verify(at.kim, late, '')
    at.clock.turn(minutes(2))
    await expect(at.twoFactor.verify(at.kim, late, '').catch(code)).resolves.toBe('OTP_REQUIRED')
  })

  test('of ten who use one code at once, one gets in', async () => {
    await using at = await open()
    const now = at.show()
    const tries = await Promise.allSettled(
      Array.from({ length: 10 }, (_, i) => at.twoFactor.verify(at.kim, now, `10.0.1.${i}`)),
    )
    expect(tries.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  test('a recovery code opens once, and new ones replace the old', async () => {
    await using at = await open()
    const [first = '', second = ''] = at.recovery
    await at.twoFactor.verify(at.kim, first, '')
    await expect(at.twoFactor.verify(at.kim, first, '').catch(code)).resolves.toBe('OTP_REQUIRED')
    expect((await at.twoFactor.status(at.kim.id))?.recoveryCodes).toBe(9)
    await at.twoFactor.renewCodes(at.kim, by)
    await expect(at.twoFactor.verify(at.kim, second, '').catch(code)).resolves.toBe('OTP_REQUIRED')
  })

  test('guessing codes ends after ten', async () => {
    await using at = await open()
    const answers: unknown[] = []
    for (let i = 0; i < 11; i++)
      answers.push(await at.twoFactor.verify(at.kim, `00000${i % 10}`, 'x').catch(code))
    expect(answers.at(-1)).toBe('TOO_MANY_REQUESTS')
  })

  test('its key lies sealed in the database', async () => {
    await using at = await open()
    const row = await at.app.storage.sql.read
      .selectFrom('second_factor')
      .selectAll()
      .executeTakeFirstOrThrow()
    expect(row.secret).not.toMatch(/^[A-Z2-7]{32}$/)
  })
})
