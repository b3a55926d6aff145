import { createHash, randomBytes, type ScryptOptions, scrypt, timingSafeEqual } from 'node:crypto'
import { foreignMatches, isForeign } from './foreign-passwords.ts'

const COST: Required<Pick<ScryptOptions, 'N' | 'r' | 'p'>> = { N: 2 ** 15, r: 8, p: 1 }
const MAX_MEMORY = 64 * 1024 * 1024

/** A new bearer secret of 256 bits with our recognisable prefix. */
export function newTokenSecret(): string {
  return `ent_${randomBytes(32).toString('base64url')}`
}

const PASS = 'otp_'

/** A one-off pass in place of a one-time password. */
export function newPassSecret(): string {
  return `${PASS}${randomBytes(32).toString('base64url')}`
}

export function isPassSecret(text: string): boolean {
  return text.startsWith(PASS)
}

/** How a bearer secret is stored and found: sha256, hex. The secret is random, so a fast hash is enough. */
export function hashToken(secret: string): string {
  return createHash('sha256').update(secret).digest('hex')
}

/** `scrypt$N$r$p$salt$key`, so that the cost can be raised later without losing old passwords. */
export async function hashPassword(password: string): Promise<string> {
  const salt = randomBytes(16)
  const key = await derive(password, salt, COST)
  return ['scrypt', COST.N, COST.r, COST.p, salt.toString('base64url'), key.toString('base64url')].join('$')
}

/**
 * Compares in constant time. Without a stored hash (unknown account, account without password) the same work is done and the answer is
 * no, so that the time taken does not tell which accounts exist.
 */
export async function passwordMatches(password: string, stored: string | null | undefined): Promise<boolean> {
  const [kind, N, r, p, salt, key] = (stored ?? '').split('$')
  if (kind !== 'scrypt' || salt === undefined || key === undefined) {
    await derive(password, randomBytes(16), COST)
    return isForeign(stored) && foreignMatches(password, stored)
  }
  const expected = Buffer.from(key, 'base64url')
  const cost = { N: Number(N), r: Number(r), p: Number(p) }
  return timingSafeEqual(await derive(password, Buffer.from(salt, 'base64url'), cost), expected)
}

function derive(password: string, salt: Buffer, cost: ScryptOptions): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const done = (error: Error | null, key: Buffer) => (error ? reject(error) : resolve(key))
    scrypt(password.normalize('NFKC'), salt, 32, { ...cost, maxmem: MAX_MEMORY }, done)
  })
}
