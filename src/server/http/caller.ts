import { createHash } from 'node:crypto'
import type { IncomingMessage } from 'node:http'
import { LRUCache } from 'lru-cache'
import { seconds } from '../../base/time.ts'
import { ANONYMOUS, type Caller, type Who } from '../../registry/model.ts'
import type { Registry } from '../../registry/registry.ts'

const REMEMBER_BASIC = seconds(30)

/**
 * Finds out who sends a request: `Bearer` token, or `Basic` with a password or a token as the password (`_auth`, `_password`
 * in .npmrc). Unknown, revoked and expired credentials are nobody's: what needs an account then says so.
 */
export class Callers {
  readonly #registry: Registry
  /** Passwords are dear to check, and clients with Basic send them with each request. Keyed by hash; wrong ones are not kept. */
  readonly #basic = new LRUCache<string, Caller>({ max: 500, ttl: REMEMBER_BASIC })

  constructor(registry: Registry) {
    this.#registry = registry
  }

  /** Asks at most once, when first called. */
  who(request: IncomingMessage, address: string): Who {
    let answer: Promise<Caller> | undefined
    return () => {
      answer ??= this.#identify(request.headers.authorization, address)
      return answer
    }
  }

  async #identify(header: string | undefined, address: string): Promise<Caller> {
    if (header === undefined) return ANONYMOUS
    const basic = /^basic\s+(.+)$/i.exec(header)?.[1]
    if (basic !== undefined) return this.#byPassword(basic, address)
    // The original takes a bare token too.
    const secret = header.replace(/^bearer\s+/i, '').trim()
    return (await this.#registry.tokens.identify(secret)) ?? ANONYMOUS
  }

  async #byPassword(encoded: string, address: string): Promise<Caller> {
    const text = Buffer.from(encoded, 'base64').toString()
    const colon = text.indexOf(':')
    if (colon < 0) return ANONYMOUS
    const name = text.slice(0, colon)
    const password = text.slice(colon + 1)
    if (password.startsWith('ent_')) return (await this.#registry.tokens.identify(password)) ?? ANONYMOUS
    const key = createHash('sha256').update(text).digest('base64')
    const known = this.#basic.get(key)
    if (known) return known
    const account = await this.#registry.accounts.verifyPassword(name, password, address)
    if (!account) return ANONYMOUS
    const caller: Caller = {
      kind: 'user',
      id: account.id,
      name: account.name,
      admin: account.admin,
      mayPublish: true,
    }
    this.#basic.set(key, caller)
    return caller
  }
}
