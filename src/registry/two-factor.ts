import { randomBytes } from 'node:crypto'
import { Secret, TOTP } from 'otpauth'
import { Fault, fail } from '../base/fault.ts'
import type { Millis } from '../base/time.ts'
import type { SecondFactorRow } from '../storage/sql/database.ts'
import { takeChallenge } from '../storage/tables/logins.ts'
import {
  countRecoveryCodes,
  deleteSecondFactor,
  findSecondFactor,
  replaceRecoveryCodes,
  spendRecoveryCode,
  spendStep,
  updateSecondFactor,
  upsertSecondFactor,
} from '../storage/tables/two-factor.ts'
import { Attempts } from './attempts.ts'
import { note, type Origin } from './audit.ts'
import type { Context } from './context.ts'
import type { User } from './model.ts'
import type { Sealer } from './seal.ts'
import { hashToken, isPassSecret } from './secrets.ts'

/** `auth-only`: asked for at login. `auth-and-writes`: and whenever something is published or changed. */
export type TfaMode = SecondFactorRow['mode']

export type TfaStatus = {
  readonly mode: TfaMode
  /** Set up, but no code was shown yet: it is not asked for. */
  readonly isPending: boolean
  /** How many are left. */
  readonly recoveryCodes: number
}

type Who = { readonly id: string; readonly name: string }

const PERIOD: Millis = 30_000
const RECOVERY_CODES = 10

/** One-time passwords by an authenticator app (TOTP, RFC 6238), recovery codes, and the one-off passes of the web flow. */
export class TwoFactor {
  readonly #context: Context
  readonly #sealer: Sealer
  readonly #attempts: Attempts
  /** A code counts once, and a request may be asked for it in several places. */
  readonly #proved = new WeakMap<User, Promise<boolean>>()

  constructor(context: Context, sealer: Sealer) {
    this.#context = context
    this.#sealer = sealer
    this.#attempts = new Attempts(context.storage.kv, 'otp')
  }

  /** undefined: none was ever set up. */
  async status(accountId: string): Promise<TfaStatus | undefined> {
    const { read } = this.#context.storage.sql
    const row = await findSecondFactor(read, accountId)
    if (!row) return undefined
    const recoveryCodes = await countRecoveryCodes(read, accountId)
    return { mode: row.mode, isPending: row.confirmed_at === null, recoveryCodes }
  }

  /** Whether a login needs it. */
  async isActive(accountId: string): Promise<boolean> {
    const row = await findSecondFactor(this.#context.storage.sql.read, accountId)
    return row !== undefined && row.confirmed_at !== null
  }

  /** Begins to set it up, with a new key as an `otpauth://` address for the app. CONFLICT when it is active. */
  async begin(account: Who, mode: TfaMode): Promise<string> {
    if (await this.isActive(account.id))
      throw new Fault('CONFLICT', { why: 'The second factor is on already. Turn it off first.' })
    const secret = new Secret({ size: 20 })
    await this.#context.storage.sql.transaction((tx) =>
      upsertSecondFactor(tx, {
        account_id: account.id,
        secret: this.#sealer.seal(secret.base32),
        mode,
        last_step: 0,
        created_at: this.#context.clock.now(),
        confirmed_at: null,
      }),
    )
    return this.#totp(account, secret.base32).toString()
  }

  /** The same `otpauth://` address again, while it is being set up. */
  async pendingUri(account: Who): Promise<string | undefined> {
    const row = await findSecondFactor(this.#context.storage.sql.read, account.id)
    return row?.confirmed_at === null ? this.#totp(account, this.#open(row)).toString() : undefined
  }

  /** Turns it on with the first code of the app; resolves to new recovery codes, seen only now. UNAUTHENTICATED for a wrong code. */
  async confirm(account: Who, code: string, by: Origin): Promise<string[]> {
    const row = await findSecondFactor(this.#context.storage.sql.read, account.id)
    if (row?.confirmed_at !== null) return fail('CONFLICT', { why: 'No second factor is being set up.' })
    await this.#guarded(account.id, by.address, () => this.#spendCode(account, row, code))
    const at = this.#context.clock.now()
    return this.#newCodes(account, { by, at, action: 'tfa.enable', confirmedAt: at })
  }

  /** Replaces all recovery codes. CONFLICT when there is no active second factor. */
  async renewCodes(account: Who, by: Origin): Promise<string[]> {
    await this.#mustBeActive(account.id)
    return this.#newCodes(account, { by, at: this.#context.clock.now(), action: 'tfa.recovery' })
  }

  /** CONFLICT when there is no active second factor. */
  async setMode(account: Who, mode: TfaMode, by: Origin): Promise<void> {
    await this.#mustBeActive(account.id)
    const at = this.#context.clock.now()
    await this.#context.storage.sql.transaction(async (tx) => {
      await updateSecondFactor(tx, account.id, { mode })
      await note(tx, { at, by }, { action: 'tfa.mode', subject: account.name, detail: { mode } })
    })
  }

  /** Quiet when there is none. */
  async remove(account: Who, by: Origin): Promise<void> {
    const at = this.#context.clock.now()
    await this.#context.storage.sql.transaction(async (tx) => {
      await deleteSecondFactor(tx, account.id)
      await note(tx, { at, by }, { action: 'tfa.disable', subject: account.name })
    })
  }

  /**
   * Takes a code of the app, a recovery code or a pass, each of them once. OTP_REQUIRED when it is none of these; TOO_MANY_REQUESTS after ten
   * wrong ones in five minutes.
   */
  async verify(account: Who, code: string, address: string): Promise<void> {
    const row = await findSecondFactor(this.#context.storage.sql.read, account.id)
    if (!row || row.confirmed_at === null) return fail('OTP_REQUIRED', {})
    await this.#guarded(account.id, address, () => this.#spendAny(account, row, code.replace(/\s/g, '')))
  }

  /**
   * Makes sure that a change may be made with what came along: a session, which was opened with the second factor, or a one-time password.
   * `packageAsks`: the package requires a second factor of everybody. OTP_REQUIRED; FORBIDDEN for who has none where the package asks.
   */
  async demand(user: User, packageAsks: { spec: string } | undefined): Promise<void> {
    const row = await findSecondFactor(this.#context.storage.sql.read, user.id)
    const isActive = row !== undefined && row.confirmed_at !== null
    if (packageAsks && !isActive)
      throw new Fault('FORBIDDEN', { why: `You must enable 2FA to edit "${packageAsks.spec}"` })
    if (user.sessionId !== undefined || !isActive) return
    if (!packageAsks && (row.mode === 'auth-only' || user.bypassesTfa)) return
    await this.prove(user)
  }

  /** As demand, where the account asks for nothing but has a second factor: such as making a token. */
  async prove(user: User): Promise<void> {
    if (user.sessionId !== undefined) return
    const { otp } = user
    if (otp === undefined) throw new Fault('OTP_REQUIRED', {})
    const known = this.#proved.get(user)
    const proof = known ?? this.verify(user, otp, user.address ?? '').then(() => true)
    if (!known) this.#proved.set(user, proof)
    await proof
  }

  async #mustBeActive(accountId: string): Promise<void> {
    if (!(await this.isActive(accountId)))
      throw new Fault('CONFLICT', { why: 'There is no second factor yet.' })
  }

  async #guarded(account: string, address: string, spend: () => Promise<boolean>): Promise<void> {
    const spent = await this.#attempts.guess({ account, address }, async () => (await spend()) || undefined)
    if (spent === undefined) throw new Fault('OTP_REQUIRED', {})
  }

  async #spendAny(account: Who, row: SecondFactorRow, code: string): Promise<boolean> {
    if (/^\d{6}$/.test(code)) return this.#spendCode(account, row, code)
    const now = this.#context.clock.now()
    const hash = hashToken(code)
    return this.#context.storage.sql.transaction(async (tx) => {
      if (!isPassSecret(code)) return spendRecoveryCode(tx, account.id, hash)
      const pass = await takeChallenge(tx, hash, now)
      return pass?.purpose === 'pass' && pass.account_id === account.id
    })
  }

  async #spendCode(account: Who, row: SecondFactorRow, code: string): Promise<boolean> {
    const timestamp = this.#context.clock.now()
    const delta = this.#totp(account, this.#open(row)).validate({ token: code, timestamp, window: 1 })
    if (delta === null) return false
    const step = Math.floor(timestamp / PERIOD) + delta
    return this.#context.storage.sql.transaction((tx) => spendStep(tx, account.id, step))
  }

  async #newCodes(
    account: Who,
    act: { by: Origin; at: Millis; action: 'tfa.enable' | 'tfa.recovery'; confirmedAt?: Millis },
  ): Promise<string[]> {
    const codes = Array.from({ length: RECOVERY_CODES }, () => randomBytes(10).toString('hex'))
    await this.#context.storage.sql.transaction(async (tx) => {
      if (act.confirmedAt) await updateSecondFactor(tx, account.id, { confirmed_at: act.confirmedAt })
      await replaceRecoveryCodes(tx, account.id, codes.map(hashToken))
      await note(tx, act, { action: act.action, subject: account.name })
    })
    return codes
  }

  #open(row: SecondFactorRow): string {
    const why = 'The second factor was stored under another OAUTH_PASSWORD; an administrator can turn it off.'
    return this.#sealer.open(row.secret) ?? fail('CONFLICT', { why })
  }

  #totp(account: Who, secret: string): TOTP {
    return new TOTP({ issuer: `Entropic ${this.#context.host()}`, label: account.name, secret })
  }
}
