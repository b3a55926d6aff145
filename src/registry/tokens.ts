import { randomUUID } from 'node:crypto'
import { fail } from '../base/fault.ts'
import { type Millis, minutes } from '../base/time.ts'
import type { TokenRow } from '../storage/sql/database.ts'
import { findAccount } from '../storage/tables/accounts.ts'
import {
  deleteToken,
  findTokenByHash,
  insertToken,
  listTokens,
  touchTokens,
} from '../storage/tables/tokens.ts'
import type { Context } from './context.ts'
import type { Caller } from './model.ts'
import { hashToken, newTokenSecret } from './secrets.ts'

export type Token = {
  readonly id: string
  readonly accountName: string
  /** The secret's first characters. */
  readonly hint: string
  readonly description: string
  readonly access: 'read' | 'publish'
  readonly createdAt: Millis
  readonly usedAt: Millis | undefined
  readonly expiresAt: Millis | undefined
}
/** The only time the secret is seen. */
export type IssuedToken = Token & { readonly secret: string }

export type TokenRequest = {
  readonly accountName: string
  readonly description: string
  readonly access: 'read' | 'publish'
  /** How long it lives; absent: until revoked. */
  readonly lifetime?: Millis
}

const HINT_LENGTH = 10
const WRITE_USE_EVERY = minutes(1)

/** Bearer tokens: stored as hashes, shown once. */
export class Tokens {
  readonly #context: Context
  /** Last uses not written yet: they go to the database together, once a minute. */
  readonly #used = new Set<string>()
  #flushAt: Millis = 0

  constructor(context: Context) {
    this.#context = context
  }

  /** NOT_FOUND when there is no such account. */
  async issue(request: TokenRequest): Promise<IssuedToken> {
    const { sql } = this.#context.storage
    const account =
      (await findAccount(sql.read, request.accountName)) ?? fail('NOT_FOUND', { what: request.accountName })
    const secret = newTokenSecret()
    const now = this.#context.clock.now()
    const row: TokenRow = {
      id: randomUUID(),
      account_id: account.id,
      hash: hashToken(secret),
      hint: secret.slice(0, HINT_LENGTH),
      description: request.description,
      access: request.access,
      created_at: now,
      used_at: null,
      expires_at: request.lifetime === undefined ? null : now + request.lifetime,
    }
    await sql.transaction((tx) => insertToken(tx, row))
    return { ...tokenOf({ ...row, name: account.name }), secret }
  }

  /** Who holds this secret; undefined for an unknown, revoked or expired one. */
  async identify(secret: string): Promise<Caller | undefined> {
    const row = await findTokenByHash(this.#context.storage.sql.read, hashToken(secret))
    const now = this.#context.clock.now()
    if (!row || row.disabled_at !== null || (row.expires_at !== null && row.expires_at <= now))
      return undefined
    this.#noteUse(row.id, now)
    return {
      kind: 'user',
      id: row.account_id,
      name: row.name,
      admin: row.role === 'admin',
      mayPublish: row.access === 'publish',
      tokenId: row.id,
    }
  }

  /** Of one account (by name) or of everybody; newest first. */
  async list(accountName?: string): Promise<Token[]> {
    const { read } = this.#context.storage.sql
    if (accountName === undefined) return (await listTokens(read, undefined)).map(tokenOf)
    const account = (await findAccount(read, accountName)) ?? fail('NOT_FOUND', { what: accountName })
    return (await listTokens(read, account.id)).map(tokenOf)
  }

  /** NOT_FOUND when there is no such token. */
  async revoke(id: string): Promise<void> {
    const found = await this.#context.storage.sql.transaction((tx) => deleteToken(tx, id))
    if (!found) fail('NOT_FOUND', { what: `token ${id}` })
  }

  /** Revokes the token that has this secret; quiet when there is none, since then nothing is left to revoke. */
  async revokeSecret(caller: Caller, secret: string): Promise<void> {
    const row = await findTokenByHash(this.#context.storage.sql.read, hashToken(secret))
    if (!row || caller.kind === 'anonymous' || row.account_id !== caller.id) return
    await this.#context.storage.sql.transaction((tx) => deleteToken(tx, row.id))
  }

  /** Writes the last uses that are still only in memory. */
  async flush(): Promise<void> {
    if (this.#used.size === 0) return
    const ids = [...this.#used]
    this.#used.clear()
    await this.#context.storage.sql.transaction((tx) => touchTokens(tx, ids, this.#context.clock.now()))
  }

  #noteUse(id: string, now: Millis): void {
    this.#used.add(id)
    if (now < this.#flushAt) return
    this.#flushAt = now + WRITE_USE_EVERY
    this.flush().catch((error) => this.#context.log.warn({ error }, 'token use could not be noted'))
  }
}

function tokenOf(row: TokenRow & { name: string }): Token {
  return {
    id: row.id,
    accountName: row.name,
    hint: row.hint,
    description: row.description,
    access: row.access,
    createdAt: row.created_at,
    usedAt: row.used_at ?? undefined,
    expiresAt: row.expires_at ?? undefined,
  }
}
