import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { LRUCache } from 'lru-cache'
import { seconds } from '../../base/time.ts'
import { ANONYMOUS, type Caller, type Who } from '../../registry/model.ts'
import type { Registry } from '../../registry/registry.ts'
import { headerOf } from './request.ts'

const REMEMBER_BASIC = seconds(30)

/**
 * Finds out who sends a request: `Bearer` token, or `Basic` with a password or a token as the password (`_auth`, `_password`
 * in .npmrc). Unknown, revoked and expired credentials are nobody's: what needs an account then says so.
 */
export class Callers {
  readonly #registry: Registry
  /** Passwords are dear to check, and clients with Basic send them with each request. Keyed by hash; wrong ones are not kept. */
  readonly #basic = new LRUCache<string, { caller: Caller; stamp: string }>({ max: 500, ttl: REMEMBER_BASIC })

  constructor(registry: Registry) {
    this.#registry = registry
  }

  /** Asks at most once, when first called. `address` is the client's. */
  who(request: IncomingMessage, address: string): Who {
    let answer: Promise<Caller> | undefined
    return () => {
      answer ??= this.#ask(request, address)
      return answer
    }
  }

  async #ask(request: IncomingMessage, address: string): Promise<Caller> {
    const otp = headerOf(request, 'npm-otp')
    const caller = await this.#identify(request.headers.authorization, { address, otp })
    if (caller.kind === 'anonymous') return caller
    return { ...caller, address, ...(otp !== undefined && { otp }) }
  }

  async #identify(
    header: string | undefined,
    from: { address: string; otp: string | undefined },
  ): Promise<Caller> {
    if (header === undefined) return ANONYMOUS
    const basic = /^basic\s+(.+)$/i.exec(header)?.[1]
    if (basic !== undefined) return this.#byPassword(basic, from)
    // The original takes a bare token too.
    return this.#byToken(header.replace(/^bearer\s+/i, '').trim(), from.address)
  }

  async #byToken(secret: string, address: string): Promise<Caller> {
    const caller = await this.#registry.tokens.identify(secret, address)
    if (caller) return caller
    await this.#registry.tokens.noteGuess(address)
    return ANONYMOUS
  }

  async #byPassword(
    encoded: string,
    { address, otp }: { address: string; otp: string | undefined },
  ): Promise<Caller> {
    const text = Buffer.from(encoded, 'base64').toString()
    const colon = text.indexOf(':')
    if (colon < 0) return ANONYMOUS
    const name = text.slice(0, colon)
    const password = text.slice(colon + 1)
    if (password.startsWith('ent_')) return this.#byToken(password, address)
    const key = createHash('sha256').update(text).digest('base64')
    const known = this.#basic.get(key)
    if (known && known.stamp === (await this.#registry.accounts.stamp(name))) return known.caller
    const account = await this.#registry.accounts.verifyPassword(name, password, address)
    if (!account) return ANONYMOUS
    // A password alone opens no account that has a second factor; such people use tokens.
    const isGuarded = await this.#registry.twoFactor.isActive(account.id)
    if (isGuarded) await this.#registry.twoFactor.verify(account, otp ?? '', address)
    const { id, admin } = account
    const caller: Caller = { kind: 'user', id, name: account.name, admin, mayPublish: true }
    const stamp = await this.#registry.accounts.stamp(name)
    if (!isGuarded && stamp !== undefined) this.#basic.set(key, { caller, stamp })
    return caller
  }
}
