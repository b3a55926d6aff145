import { type Millis, minutes } from '../base/time.ts'
import type { SessionRow } from '../storage/sql/database.ts'
import {
  deleteExpiredSessions,
  deleteSession,
  deleteSessionsOf,
  findSession,
  findSessionAccount,
  insertSession,
  listSessions,
  touchSession,
  updateSession,
} from '../storage/tables/sessions.ts'
import { note, type Origin } from './audit.ts'
import type { Context } from './context.ts'
import { ANONYMOUS, type Caller, type JsonObject, type User } from './model.ts'
import { hashToken } from './secrets.ts'

/** What a browser session carries. `accountId` makes it somebody's. */
export type SessionData = JsonObject & { accountId?: string }

/** For how long from now it lasts, and what is told to people about who uses it. */
export type SessionUse = { readonly lifetime: Millis; readonly address: string; readonly agent: string }

export type Session = {
  /** The hash of its key: enough to end it, not to use it. */
  readonly id: string
  readonly address: string
  readonly agent: string
  readonly createdAt: Millis
  readonly usedAt: Millis
  readonly expiresAt: Millis
}

const MAX_AGENT = 200
const NOTE_USE_EVERY = minutes(5)

/**
 * Browser sessions, found by the hash of a random key that only the cookie holds. The database is asked each time: several servers may answer one
 * browser, and an ended session is nobody's at once.
 */
export class Sessions {
  readonly #context: Context

  constructor(context: Context) {
    this.#context = context
  }

  /** What the session carries; undefined when it has ended or never was. */
  async read(key: string): Promise<SessionData | undefined> {
    const { read } = this.#context.storage.sql
    const row = await findSession(read, hashToken(key), this.#context.clock.now())
    return row && JSON.parse(row.data)
  }

  /** Opens a session under a new key. */
  async open(key: string, data: SessionData, use: SessionUse): Promise<void> {
    const { row, now } = this.#row(key, data, use)
    await this.#context.storage.sql.transaction(async (tx) => {
      await deleteExpiredSessions(tx, now)
      await insertSession(tx, row)
    })
  }

  /** Keeps what a session carries from now on. One that was ended meanwhile stays ended: a slow request does not bring it back. */
  async write(key: string, data: SessionData, use: SessionUse): Promise<void> {
    const { row } = this.#row(key, data, use)
    await this.#context.storage.sql.transaction((tx) => updateSession(tx, row))
  }

  /** Who is logged in with it. */
  async who(key: string): Promise<Caller> {
    const { sql } = this.#context.storage
    const id = hashToken(key)
    const now = this.#context.clock.now()
    const row = await findSessionAccount(sql.read, id, now)
    if (!row || row.disabled_at !== null) return ANONYMOUS
    if (row.used_at + NOTE_USE_EVERY < now) await sql.transaction((tx) => touchSession(tx, id, now))
    const { name, role } = row
    return { kind: 'user', id: row.id, name, admin: role === 'admin', mayPublish: true, sessionId: id }
  }

  async list(user: User): Promise<Session[]> {
    const now = this.#context.clock.now()
    const rows = await listSessions(this.#context.storage.sql.read, user.id, now)
    return rows.map((row) => ({
      id: row.id,
      address: row.address,
      agent: row.agent,
      createdAt: row.created_at,
      usedAt: row.used_at,
      expiresAt: row.expires_at,
    }))
  }

  /** Ends the session of this key. */
  async drop(key: string): Promise<void> {
    await this.#end(hashToken(key))
  }

  /** Ends one session of the user; quiet when it is none of theirs. */
  async end(user: User, id: string, by: Origin): Promise<void> {
    const own = (await this.list(user)).filter((session) => session.id === id)
    if (own.length === 0) return
    await this.#end(id)
    const at = this.#context.clock.now()
    const deed = { action: 'session.end', subject: user.name } as const
    await this.#context.storage.sql.transaction((tx) => note(tx, { at, by }, deed))
  }

  /** Ends all sessions of the user but the one they are asking with. */
  async endOthers(user: User, by: Origin): Promise<void> {
    const { sql } = this.#context.storage
    const at = this.#context.clock.now()
    await sql.transaction(async (tx) => {
      await deleteSessionsOf(tx, user.id, user.sessionId)
      await note(tx, { at, by }, { action: 'session.end', subject: user.name, detail: { all: 'others' } })
    })
  }

  #row(key: string, data: SessionData, { lifetime, address, agent }: SessionUse) {
    const now = this.#context.clock.now()
    const row: SessionRow = {
      id: hashToken(key),
      account_id: data.accountId ?? null,
      data: JSON.stringify(data),
      address,
      agent: agent.slice(0, MAX_AGENT),
      created_at: now,
      used_at: now,
      expires_at: now + lifetime,
    }
    return { row, now }
  }

  async #end(id: string): Promise<void> {
    await this.#context.storage.sql.transaction((tx) => deleteSession(tx, id))
  }
}
