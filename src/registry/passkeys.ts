import type { AuthenticationResponseJSON, RegistrationResponseJSON } from '@simplewebauthn/server'
import { Fault, fail } from '../base/fault.ts'
import type { Millis } from '../base/time.ts'
import type { PasskeyRow } from '../storage/sql/database.ts'
import {
  deletePasskey,
  findPasskey,
  insertPasskey,
  listPasskeys,
  touchPasskey,
} from '../storage/tables/passkeys.ts'
import type { Account, Accounts } from './accounts.ts'
import { note, type Origin } from './audit.ts'
import type { Context } from './context.ts'

/** Large, and needed by those alone who use a passkey. */
const webauthn = () => import('@simplewebauthn/server')

/** EdDSA, ES256 and RS256, as COSE numbers them. */
const ALGORITHMS = [-8, -7, -257]

/** The site a passkey belongs to, by its origin: `https://host:port`. */
export type Site = string

export type Passkey = {
  readonly id: string
  readonly name: string
  readonly createdAt: Millis
  readonly usedAt: Millis | undefined
}

/** What the browser is to be asked, as JSON, and what its answer must carry. */
export type PasskeyQuestion = { readonly options: string; readonly challenge: string }

/** The browser's answer, as JSON that nobody looked at yet. */
export type PasskeyAnswer = { readonly response: string; readonly challenge: string; readonly site: Site }

/**
 * WebAuthn credentials that verify their user, by a fingerprint or a PIN: something one has and something one is or knows. One of them
 * logs in alone, and stands for a one-time password.
 */
export class Passkeys {
  readonly #context: Context
  readonly #accounts: Accounts

  constructor(context: Context, accounts: Accounts) {
    this.#context = context
    this.#accounts = accounts
  }

  /** Asks for a new passkey. */
  async offer(account: { id: string; name: string }, site: Site): Promise<PasskeyQuestion> {
    const known = await listPasskeys(this.#context.storage.sql.read, account.id)
    const options = await (await webauthn()).generateRegistrationOptions({
      rpName: `Entropic ${this.#context.host()}`,
      rpID: new URL(site).hostname,
      userName: account.name,
      userID: new TextEncoder().encode(account.id),
      supportedAlgorithmIDs: ALGORITHMS,
      excludeCredentials: known.map(({ id }) => ({ id })),
      authenticatorSelection: { residentKey: 'required', userVerification: 'required' },
    })
    return { options: JSON.stringify(options), challenge: options.challenge }
  }

  /** Keeps the new passkey. BAD_REQUEST when it cannot be accepted. */
  async add(
    account: { id: string; name: string },
    { name, by, ...answer }: PasskeyAnswer & { name: string; by: Origin },
  ): Promise<void> {
    const { credential } = await accepted(async () => {
      const { registrationInfo, verified } = await (await webauthn()).verifyRegistrationResponse({
        response: JSON.parse(answer.response) as RegistrationResponseJSON, // the library checks every field
        ...expectationOf(answer),
        supportedAlgorithmIDs: ALGORITHMS,
      })
      return verified && registrationInfo ? registrationInfo : undefined
    })
    const at = this.#context.clock.now()
    const row: PasskeyRow = {
      id: credential.id,
      account_id: account.id,
      public_key: Buffer.from(credential.publicKey).toString('base64url'),
      counter: credential.counter,
      transports: JSON.stringify(credential.transports ?? []),
      name: name.slice(0, 100),
      created_at: at,
      used_at: null,
    }
    await this.#context.storage.sql.transaction(async (tx) => {
      await insertPasskey(tx, row)
      await note(tx, { at, by }, { action: 'passkey.add', subject: account.name, detail: { name } })
    })
  }

  /** Asks for any passkey of the site. */
  async ask(site: Site): Promise<PasskeyQuestion> {
    const options = await (await webauthn()).generateAuthenticationOptions({
      rpID: new URL(site).hostname,
      userVerification: 'required',
    })
    return { options: JSON.stringify(options), challenge: options.challenge }
  }

  /** Whose passkey answered. BAD_REQUEST when none of ours did, or its account is disabled. */
  async verify(answer: PasskeyAnswer): Promise<Account> {
    const { row, counter } = await accepted(() => this.#check(answer))
    const at = this.#context.clock.now()
    await this.#context.storage.sql.transaction((tx) => touchPasskey(tx, row.id, { counter, at }))
    const account = await this.#accounts.findById(row.account_id)
    return account && account.disabledAt === undefined ? account : refuse()
  }

  async list(accountId: string): Promise<Passkey[]> {
    const rows = await listPasskeys(this.#context.storage.sql.read, accountId)
    return rows.map(({ id, name, created_at, used_at }) => {
      return { id, name, createdAt: created_at, usedAt: used_at ?? undefined }
    })
  }

  /** Quiet when the account has no such passkey. */
  async remove(account: { id: string; name: string }, id: string, by: Origin): Promise<void> {
    const at = this.#context.clock.now()
    await this.#context.storage.sql.transaction(async (tx) => {
      await deletePasskey(tx, id, account.id)
      await note(tx, { at, by }, { action: 'passkey.remove', subject: account.name })
    })
  }

  async #check(answer: PasskeyAnswer): Promise<{ row: PasskeyRow; counter: number } | undefined> {
    const response = JSON.parse(answer.response) as AuthenticationResponseJSON // the library checks every field
    const row = await findPasskey(this.#context.storage.sql.read, String(response.id))
    if (!row) return undefined
    const { verified, authenticationInfo } = await (await webauthn()).verifyAuthenticationResponse({
      response,
      ...expectationOf(answer),
      credential: {
        id: row.id,
        publicKey: new Uint8Array(Buffer.from(row.public_key, 'base64url')),
        counter: row.counter,
      },
    })
    return verified ? { row, counter: authenticationInfo.newCounter } : undefined
  }
}

function expectationOf({ challenge, site }: PasskeyAnswer) {
  return {
    expectedChallenge: challenge,
    expectedOrigin: site,
    expectedRPID: new URL(site).hostname,
    requireUserVerification: true,
  }
}

/** The library throws at what it does not like; to the caller all of it is the same refusal. */
async function accepted<T>(check: () => Promise<T | undefined>): Promise<T> {
  const result = await check().catch((error: unknown) => refuse(error))
  return result ?? refuse()
}

function refuse(cause?: unknown): never {
  if (cause === undefined) return fail('BAD_REQUEST', { why: 'This passkey was not accepted.' })
  throw new Fault('BAD_REQUEST', { why: 'This passkey was not accepted.' }, { cause })
}
