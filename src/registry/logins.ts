import { randomUUID } from 'node:crypto'
import { Fault, fail } from '../base/fault.ts'
import { days, type Millis, minutes } from '../base/time.ts'
import type { ChallengeRow } from '../storage/sql/database.ts'
import { findAccountById } from '../storage/tables/accounts.ts'
import {
  answerChallenge,
  deleteExpiredChallenges,
  findChallenge,
  findChallengeByPoll,
  insertChallenge,
  takeChallenge,
} from '../storage/tables/logins.ts'
import { insertToken } from '../storage/tables/tokens.ts'
import { note, type Origin } from './audit.ts'
import type { Context } from './context.ts'
import type { User } from './model.ts'
import { hashToken, newPassSecret } from './secrets.ts'
import { newToken } from './tokens.ts'

/** A command line that waits for somebody to confirm something in the browser. */
export type Challenge = {
  readonly id: string
  readonly purpose: 'login' | 'otp'
  /** What the computer calls itself; '' when it did not say. */
  readonly description: string
  readonly address: string
  readonly agent: string
  readonly createdAt: Millis
}

export type Waiting = {
  readonly description: string
  readonly address: string
  readonly agent: string
}

/** What the command line is told. */
export type Claim =
  | { readonly state: 'pending' }
  | { readonly state: 'done'; readonly token: string; readonly username: string }

const PATIENCE = minutes(15)
const TOKEN_LIFETIME = days(365)
const PASS_LIFETIME = minutes(5)

/**
 * One challenge behind `npm login`, `ds login` and npm's one-time passwords on the web. The address that the person opens and the one that the
 * command line asks carry different secrets: who sees the first cannot fetch the token.
 */
export class Logins {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  /** A login, whoever allows it: `id` for the person, `poll` for the command line. Both are UUIDs. */
  begin(waiting: Waiting): Promise<{ id: string; poll: string }> {
    return this.#insert(waiting, { purpose: 'login', account_id: null })
  }

  /** A second factor, which only `user` can give. */
  beginOtp(user: User, waiting: Waiting): Promise<{ id: string; poll: string }> {
    return this.#insert(waiting, { purpose: 'otp', account_id: user.id })
  }

  /** What still waits for an answer under this id, for this user; NOT_FOUND. */
  async find(id: string, user: User): Promise<Challenge> {
    const row = await findChallenge(this.#context.storage.sql.read, id)
    const isOpen = row?.allowed_at === null && row.denied_at === null && row.purpose !== 'pass'
    const isTheirs = row?.account_id === null || row?.account_id === user.id
    if (!row || !isOpen || !isTheirs || row.expires_at <= this.#context.clock.now())
      return fail('NOT_FOUND', { what: 'login' })
    return {
      id,
      purpose: row.purpose === 'otp' ? 'otp' : 'login',
      description: row.description,
      address: row.address,
      agent: row.agent,
      createdAt: row.created_at,
    }
  }

  /** NOT_FOUND when it does not wait any more. */
  async allow(id: string, user: User, by: Origin): Promise<void> {
    const at = this.#context.clock.now()
    await this.#answer(id, user, { by, at, answer: { account_id: user.id, allowed_at: at } })
  }

  /** As allow. */
  async deny(id: string, user: User, by: Origin): Promise<void> {
    const at = this.#context.clock.now()
    await this.#answer(id, user, { by, at, answer: { denied_at: at } })
  }

  /**
   * What became of the challenge. Once allowed, its token is handed out to whoever asks first, and to nobody after. NOT_FOUND for one that
   * never was or was claimed; GONE when it was denied or took too long.
   */
  async claim(poll: string): Promise<Claim> {
    const { sql } = this.#context.storage
    const now = this.#context.clock.now()
    const row = (await findChallengeByPoll(sql.read, hashToken(poll))) ?? fail('NOT_FOUND', { what: 'login' })
    if (row.purpose === 'pass') return fail('NOT_FOUND', { what: 'login' })
    if (row.denied_at !== null) throw new Fault('GONE', { why: 'This was denied in the browser.' })
    if (row.expires_at <= now) throw new Fault('GONE', { why: 'This took too long. Begin anew.' })
    if (row.allowed_at === null) return { state: 'pending' }
    const account =
      (await findAccountById(sql.read, row.account_id ?? '')) ?? fail('NOT_FOUND', { what: 'login' })
    const token = await (row.purpose === 'login' ? this.#token(row, account) : this.#pass(row))
    return { state: 'done', token, username: account.name }
  }

  async #insert(
    waiting: Waiting,
    what: Pick<ChallengeRow, 'purpose' | 'account_id'>,
  ): Promise<{ id: string; poll: string }> {
    const now = this.#context.clock.now()
    const id = randomUUID()
    const poll = randomUUID()
    const row: ChallengeRow = {
      ...what,
      id,
      poll: hashToken(poll),
      description: waiting.description.slice(0, 200),
      address: waiting.address,
      agent: waiting.agent.slice(0, 200),
      created_at: now,
      expires_at: now + PATIENCE,
      allowed_at: null,
      denied_at: null,
    }
    await this.#context.storage.sql.transaction(async (tx) => {
      await deleteExpiredChallenges(tx, now - PATIENCE)
      await insertChallenge(tx, row)
    })
    return { id, poll }
  }

  async #answer(
    id: string,
    user: User,
    given: { by: Origin; at: Millis; answer: Parameters<typeof answerChallenge>[2] },
  ): Promise<void> {
    const { purpose, description } = await this.find(id, user)
    const action = given.answer.allowed_at === undefined ? 'login.deny' : 'login.allow'
    await this.#context.storage.sql.transaction(async (tx) => {
      if (!(await answerChallenge(tx, id, given.answer))) fail('NOT_FOUND', { what: 'login' })
      await note(tx, given, { action, subject: user.name, detail: { purpose, description } })
    })
  }

  /** The token of a login is made only now, so that it lies nowhere in between. */
  async #token(row: ChallengeRow, account: { id: string; name: string }): Promise<string> {
    const now = this.#context.clock.now()
    const description = row.description === '' ? 'login from the command line' : row.description
    const token = newToken(account, { description, access: 'publish', lifetime: TOKEN_LIFETIME, now })
    const by = { actor: account.name, address: row.address }
    await this.#context.storage.sql.transaction(async (tx) => {
      if (!(await takeChallenge(tx, row.poll, now))) fail('NOT_FOUND', { what: 'login' })
      await insertToken(tx, token.row)
      const detail = { description, id: token.row.id }
      await note(tx, { at: now, by }, { action: 'token.create', subject: account.name, detail })
    })
    return token.secret
  }

  /** A pass to be sent as `npm-otp`, once. */
  async #pass(row: ChallengeRow): Promise<string> {
    const now = this.#context.clock.now()
    const secret = newPassSecret()
    const pass = {
      ...row,
      purpose: 'pass' as const,
      poll: hashToken(secret),
      expires_at: now + PASS_LIFETIME,
    }
    await this.#context.storage.sql.transaction(async (tx) => {
      if (!(await takeChallenge(tx, row.poll, now))) fail('NOT_FOUND', { what: 'login' })
      await insertChallenge(tx, pass)
    })
    return secret
  }
}
