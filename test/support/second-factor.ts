import { Secret, TOTP } from 'otpauth'
import { expect } from 'vitest'
import type { TestApp } from './app.ts'
import type { TurnedClock } from './mirror.ts'

/** Turns kim's second factor on; resolves to what the app on the phone shows next, each time a code not shown before. */
export async function withFactor(app: TestApp, mode: 'auth-only' | 'auth-and-writes') {
  const kim = (await app.registry.accounts.find('kim')) ?? expect.fail('kim has an account')
  const uri = await app.registry.twoFactor.begin(kim, mode)
  const totp = new TOTP({ secret: Secret.fromBase32(new URL(uri).searchParams.get('secret') ?? '') })
  const now = Date.now()
  const recovery = await app.registry.twoFactor.confirm(kim, totp.generate({ timestamp: now - 30_000 }), {
    address: '',
  })
  return {
    code: () => totp.generate({ timestamp: now }),
    next: () => totp.generate({ timestamp: now + 30_000 }),
    recovery,
  }
}

/** What a telephone with this secret shows: a new code each time, for it turns the clock. */
export function phoneOf(secret: string, clock: TurnedClock): () => string {
  const totp = new TOTP({ secret: Secret.fromBase32(secret) })
  return () => {
    clock.turn(30_000)
    return totp.generate({ timestamp: clock.now() })
  }
}
