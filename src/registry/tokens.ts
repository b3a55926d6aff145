import { randomUUID } from 'node:crypto'
import { BlockList, isIPv6 } from 'node:net'
import { Fault, fail } from '../base/fault.ts'
import { parseNamespace, parseNpmName } from '../base/name.ts'
import { type Millis, minutes } from '../base/time.ts'
import type { TokenRow } from '../storage/sql/database.ts'
import { findAccount } from '../storage/tables/accounts.ts'
import {
  deleteToken,
  findTokenByHash,
  insertToken,
  listTokens,
  type TokenWithAccount,
  touchTokens,
} from '../storage/tables/tokens.ts'
import { CONSOLE, note, type Origin } from './audit.ts'
import type { Context } from './context.ts'
import type { Caller, TokenLimits, User } from './model.ts'
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
  /** Absent: all its account may touch. */
  readonly limits: TokenLimits | undefined
  /** The addresses it may be used from; none: any. */
  readonly cidr: readonly string[]
  readonly bypassesTfa: boolean
}
/** The only time the secret is seen. */
export type IssuedToken = Token & { readonly secret: string }

/** What a new token may do. */
export type TokenGrant = {
  readonly description: string
  readonly access: 'read' | 'publish'
  /** How long it lives; absent: until revoked. */
  readonly lifetime?: Millis
  /** npm names. Packages or namespaces given, it may touch nothing else. */
  readonly packages?: readonly string[]
  readonly namespaces?: readonly string[]
  /** Addresses (`10.1.2.3`, `10.0.0.0/8`, `fd00::/8`); none: any. */
  readonly cidr?: readonly string[]
  readonly bypassesTfa?: boolean
}

export type TokenRequest = TokenGrant & { readonly accountName: string; readonly by?: Origin }

const HINT_LENGTH = 10
const MAX_DESCRIPTION = 200
const WRITE_USE_EVERY = minutes(1)
const GUESS_WINDOW = minutes(5)
const GUESSES = 100

/** Bearer tokens: stored as hashes, shown once. */
export class Tokens {
  readonly #context: Context
  /** Last uses not written yet: they go to the database together, once a minute. */
  readonly #used = new Set<string>()
  #flushAt: Millis = 0

  constructor(context: Context) {
    this.#context = context
  }

  /** NOT_FOUND when there is no such account; BAD_REQUEST, INVALID_NAME for limits that mean nothing. */
  async issue({ accountName, by = CONSOLE, ...grant }: TokenRequest): Promise<IssuedToken> {
    const { sql } = this.#context.storage
    const account = (await findAccount(sql.read, accountName)) ?? fail('NOT_FOUND', { what: accountName })
    const now = this.#context.clock.now()
    const { row, secret } = newToken(account, { ...grant, now })
    await sql.transaction(async (tx) => {
      await insertToken(tx, row)
      const detail = { id: row.id, description: row.description, access: row.access }
      await note(tx, { at: now, by }, { action: 'token.create', subject: account.name, detail })
    })
    return { ...tokenOf({ ...row, name: account.name }), secret }
  }

  /**
   * Who holds this secret; undefined for an unknown, revoked or expired one. FORBIDDEN when it may not be used from this address
   * ('' for the registry's own machine, which may use any).
   */
  async identify(secret: string, address = ''): Promise<Caller | undefined> {
    const row = await findTokenByHash(this.#context.storage.sql.read, hashToken(secret))
    const now = this.#context.clock.now()
    if (!row || row.disabled_at !== null || (row.expires_at !== null && row.expires_at <= now))
      return undefined
    if (!isWithin(address, listOf(row.cidr)))
      throw new Fault('FORBIDDEN', { why: `This token may not be used from the address ${address}.` })
    this.#noteUse(row.id, now)
    return callerOf(row)
  }

  /** Notes that somebody at this address sent a secret that nobody has. TOO_MANY_REQUESTS after very many; a known secret is always taken. */
  async noteGuess(address: string): Promise<void> {
    const count = await this.#context.storage.kv.increment(`token-guesses:${address}`, GUESS_WINDOW)
    if (count > GUESSES) throw new Fault('TOO_MANY_REQUESTS', { seconds: GUESS_WINDOW / 1000 })
  }

  /** Of one account (by name) or of everybody; newest first. */
  async list(accountName?: string): Promise<Token[]> {
    const { read } = this.#context.storage.sql
    if (accountName === undefined) return (await listTokens(read, undefined)).map(tokenOf)
    const account = (await findAccount(read, accountName)) ?? fail('NOT_FOUND', { what: accountName })
    return (await listTokens(read, account.id)).map(tokenOf)
  }

  /** NOT_FOUND when there is no such token. */
  async revoke(id: string, by: Origin = CONSOLE): Promise<void> {
    const at = this.#context.clock.now()
    await this.#context.storage.sql.transaction(async (tx) => {
      if (!(await deleteToken(tx, id))) fail('NOT_FOUND', { what: `token ${id}` })
      await note(tx, { at, by }, { action: 'token.revoke', subject: id })
    })
  }

  /** Revokes the token that has this secret; quiet when there is none, since then nothing is left to revoke. */
  async revokeSecret(caller: Caller, secret: string, by: Origin = CONSOLE): Promise<void> {
    const row = await findTokenByHash(this.#context.storage.sql.read, hashToken(secret))
    if (!row || caller.kind === 'anonymous' || row.account_id !== caller.id) return
    mayRevoke(caller, row.id)
    await this.revoke(row.id, by)
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

type Account = { readonly id: string; readonly name: string }

/** A token's row, ready to be inserted, and its secret. BAD_REQUEST, INVALID_NAME. */
export function newToken(
  account: Account,
  { now, ...grant }: TokenGrant & { now: Millis },
): { row: TokenRow; secret: string } {
  const secret = newTokenSecret()
  const packages = (grant.packages ?? []).map((name) => parseNpmName(name))
  const namespaces = (grant.namespaces ?? []).map((name) => parseNamespace(name.replace(/^@/, '')))
  const isLimited = packages.length + namespaces.length > 0
  const row: TokenRow = {
    id: randomUUID(),
    account_id: account.id,
    hash: hashToken(secret),
    hint: secret.slice(0, HINT_LENGTH),
    description: grant.description.slice(0, MAX_DESCRIPTION),
    access: grant.access,
    created_at: now,
    used_at: null,
    expires_at: grant.lifetime === undefined ? null : now + grant.lifetime,
    packages: isLimited ? JSON.stringify(packages) : null,
    namespaces: isLimited ? JSON.stringify(namespaces) : null,
    cidr: grant.cidr?.length ? JSON.stringify(grant.cidr.map(parseCidr)) : null,
    bypass_at: grant.bypassesTfa ? now : null,
    trust_id: null,
  }
  return { row, secret }
}

function callerOf(row: TokenWithAccount): Caller {
  const limits = limitsOf(row)
  return {
    kind: 'user',
    id: row.account_id,
    name: row.name,
    // A build acts for the package alone, whoever trusts it.
    admin: row.role === 'admin' && row.trust_id === null,
    mayPublish: row.access === 'publish',
    tokenId: row.id,
    bypassesTfa: row.bypass_at !== null,
    ...(limits && { limits }),
    ...(row.trust_id !== null && { build: buildOf(row) }),
  }
}

function buildOf({ trust_id, trust_type, permissions }: TokenWithAccount): NonNullable<User['build']> {
  return { id: trust_id ?? '', type: trust_type ?? '', permissions: listOf(permissions) }
}

/** The address or network as written, if it is one. */
function parseCidr(text: string): string {
  try {
    addNetwork(new BlockList(), text.trim())
    return text.trim()
  } catch (error) {
    const why = `"${text}" is no address and no network like 10.0.0.0/8`
    throw new Fault('BAD_REQUEST', { why }, { cause: error })
  }
}

function isWithin(address: string, networks: readonly string[]): boolean {
  if (networks.length === 0 || address === '') return true
  const list = new BlockList()
  for (const network of networks) addNetwork(list, network)
  // A v4 client of a socket that listens on both families.
  const bare = address.replace(/^::ffff:(?=\d+\.)/i, '')
  return list.check(bare, isIPv6(bare) ? 'ipv6' : 'ipv4')
}

function addNetwork(list: BlockList, text: string): void {
  const [address = '', prefix] = text.split('/')
  const family = isIPv6(address) ? 'ipv6' : 'ipv4'
  if (prefix === undefined) list.addAddress(address, family)
  else if (!/^\d{1,3}$/.test(prefix)) throw new TypeError('no prefix length')
  else list.addSubnet(address, Number(prefix), family)
}

/** A column that holds a JSON list. */
function listOf(column: string | null): string[] {
  return column === null ? [] : JSON.parse(column)
}

function limitsOf(row: Pick<TokenRow, 'packages' | 'namespaces'>): TokenLimits | undefined {
  if (row.packages === null) return undefined
  return { packages: listOf(row.packages), namespaces: listOf(row.namespaces) }
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
    limits: limitsOf(row),
    cidr: listOf(row.cidr),
    bypassesTfa: row.bypass_at !== null,
  }
}

/** A read-only token ends itself and no other: a leaked one must not cut its owner off. READ_ONLY_TOKEN. */
export function mayRevoke(user: User, tokenId: string): void {
  if (!user.mayPublish && user.tokenId !== tokenId) throw new Fault('READ_ONLY_TOKEN', {})
}
