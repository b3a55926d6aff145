import { getCACertificates } from 'node:tls'
import { type CompiledQuery, Kysely, PostgresDialect, type PostgresPoolClient, sql } from 'kysely'
import pg from 'pg'
import { Fault } from '../../base/fault.ts'
import type { Log } from '../../base/log.ts'
import { type Millis, seconds } from '../../base/time.ts'
import { Conflict, type Database, MissingReference, type Reader, type Tx } from './database.ts'
import type { ScriptableSql } from './migrate.ts'
import { examine, postgresUnusable } from './postgres-errors.ts'
import { retrying } from './retry.ts'

const CONNECTIONS = 8
const CONNECT_TIMEOUT_MS = 10_000
/** As long as this a statement may take; its connection counts as lost then. */
const PATIENCE = seconds(30)
/** The longest that a timer can wait: for ever. */
const NO_HURRY = 2 ** 31 - 1
const INT8 = 20

/** Where the database is; what is left out comes from the driver's own environment (PGHOST, PGUSER…). */
export type PostgresAddress = {
  readonly url?: string
  readonly user?: string
  readonly database?: string
  /** Certificates (PEM) to trust beside the system's own; the server is then always spoken to by TLS. */
  readonly ca?: string
  /** How long a statement may take, but for those of migrations and snapshots; absent: half a minute. */
  readonly patience?: Millis
}

/** As openPostgres, of a database that answers. Throws Unusable when it cannot be used as it is. */
export async function connectPostgres(address: PostgresAddress, log: Log): Promise<ScriptableSql> {
  const readers = poolOf(address, log, 'on')
  try {
    await examine(readers)
  } catch (error) {
    await readers.end()
    throw postgresUnusable(readers.options, error)
  }
  return new PostgresSql(readers, poolOf(address, log, 'off'))
}

/** Opens a pool for reading and one for transactions. Nothing is connected before the first query. */
export function openPostgres(address: PostgresAddress, log: Log): ScriptableSql {
  return new PostgresSql(poolOf(address, log, 'on'), poolOf(address, log, 'off'))
}

/**
 * Two pools, so that a select waits for no transaction, and so that transactions which hold every connection cannot starve the
 * selects of their own callers.
 */
class PostgresSql implements ScriptableSql {
  readonly engine = 'postgres'
  readonly read: Reader
  readonly #readers: pg.Pool
  readonly #write: Kysely<Database>
  readonly #writers: pg.Pool
  readonly #slowRead: Kysely<Database>
  readonly #slowWrite: Kysely<Database>
  readonly #names = new WeakMap<CompiledQuery, string>()
  #named = 0

  constructor(readers: pg.Pool, writers: pg.Pool) {
    this.#readers = readers
    this.#writers = writers
    this.read = kyselyOver(readers)
    this.#write = kyselyOver(writers)
    this.#slowRead = kyselyOver(readers, { query_timeout: NO_HURRY })
    this.#slowWrite = kyselyOver(writers, { query_timeout: NO_HURRY })
  }

  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return retrying(() => this.#write.transaction().execute(work), isRivalry)
  }

  relaxed<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.transaction(async (tx) => {
      await sql`set local synchronous_commit = off`.execute(tx)
      return work(tx)
    })
  }

  unhurried<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    const slow = () => this.#slowWrite.transaction().execute(inItsTime(work))
    return retrying(slow, isRivalry)
  }

  snapshot<T>(work: (db: Reader) => Promise<T>): Promise<T> {
    const slow = this.#slowRead.transaction()
    return slow.setIsolationLevel('repeatable read').setAccessMode('read only').execute(inItsTime(work))
  }

  async first<R>(query: CompiledQuery<R>, parameters: readonly unknown[]): Promise<R | undefined> {
    const statement = { name: this.#nameOf(query), text: query.sql, values: [...parameters] }
    try {
      // The row's columns are those of the compiled query, and so is its type.
      return (await this.#readers.query(statement)).rows[0] as R | undefined
    } catch (error) {
      throw translated(error)
    }
  }

  /** The database is elsewhere: whatever it says has to be waited for. */
  firstNow(): undefined {
    return undefined
  }

  async ping(): Promise<void> {
    await sql`select 1`.execute(this.read)
  }

  async script(tx: Tx, text: string): Promise<void> {
    await sql.raw(text).execute(tx)
  }

  async close(): Promise<void> {
    await Promise.all([this.#readers.end(), this.#writers.end()])
  }

  /** A statement with a name is parsed and planned once a connection. */
  #nameOf(query: CompiledQuery): string {
    const known = this.#names.get(query)
    if (known) return known
    const name = `first_${++this.#named}`
    this.#names.set(query, name)
    return name
  }
}

/** `work` without the server's own limit to each statement. */
function inItsTime<T>(work: (tx: Tx) => Promise<T>): (tx: Tx) => Promise<T> {
  return async (tx) => {
    await sql`set local statement_timeout = 0`.execute(tx)
    return work(tx)
  }
}

function poolOf(address: PostgresAddress, log: Log, readOnly: 'on' | 'off'): pg.Pool {
  const { user, database, patience = PATIENCE } = address
  const pool = new pg.Pool({
    ...connectionOf(address),
    ...(user ? { user } : {}),
    ...(database ? { database } : {}),
    max: CONNECTIONS,
    connectionTimeoutMillis: CONNECT_TIMEOUT_MS,
    query_timeout: patience, // ours, should the network swallow the server's
    keepAlive: true, // tells where nothing is sent and nothing comes: behind a statement that may take for ever
    types: {
      getTypeParser: (oid, format) => (oid === INT8 ? Number : pg.types.getTypeParser(oid, format)),
    },
    onConnect: async (client) => {
      await client.query(
        `set default_transaction_read_only = ${readOnly}; set statement_timeout = ${patience}`,
      )
    },
  })
  // The pool replaces what broke, and whoever used it hears of it by their statement; without listeners the process would end: the
  // pool's hears of idle connections, each connection's own of those that somebody holds between two statements.
  pool.on('error', (error) => log.warn({ err: error }, 'An idle database connection was lost'))
  pool.on('connect', (client) => client.on('error', () => undefined))
  return pool
}

/** What the URL says of TLS gives way to a certificate that is named: the driver would forget about that. */
function connectionOf({ url, ca }: PostgresAddress): pg.PoolConfig {
  const ssl = ca === undefined ? {} : { ssl: { ca: [...getCACertificates(), ca] } }
  if (!url) return ssl
  const connection = new URL(url)
  const mode = connection.searchParams.get('sslmode')
  if (ca !== undefined) connection.searchParams.delete('sslmode')
  // Every mode that is left means the same to the driver, which says so each time unless it is called by this name.
  else if (mode && !['disable', 'no-verify'].includes(mode))
    connection.searchParams.set('sslmode', 'verify-full')
  return { connectionString: connection.href, ...ssl }
}

/** What the driver takes with a statement, and its types leave out. */
type Hurry = { readonly query_timeout?: Millis }

function kyselyOver(pool: pg.Pool, hurry: Hurry = {}): Kysely<Database> {
  const connect = async () => {
    try {
      return translating(await pool.connect(), hurry)
    } catch (error) {
      throw translated(error)
    }
  }
  return new Kysely<Database>({
    dialect: new PostgresDialect({ pool: { connect, end: () => pool.end(), options: {} } }),
  })
}

/**
 * The client as Kysely uses it, with its errors in our words. A connection that was lost, or has not answered in time, is asked no more, not even
 * for a rollback, and goes when it is given back.
 */
function translating(client: pg.PoolClient, hurry: Hurry): PostgresPoolClient {
  let lost: unknown
  const query = async (text: string, parameters: readonly unknown[]) => {
    if (lost !== undefined) throw lost
    try {
      return await client.query({ text, values: [...parameters], ...hurry })
    } catch (error) {
      const told = translated(error)
      if (!(error instanceof pg.DatabaseError)) lost = told
      throw told
    }
  }
  // Kysely's interface has an overload for cursors, which it uses only when it is given a cursor class.
  return {
    query: query as unknown as PostgresPoolClient['query'],
    release: (broken) => client.release(lost === undefined ? broken : true),
  }
}

const UNIQUE_VIOLATION = '23505'
const FOREIGN_KEY_VIOLATION = '23503'
/** A NUL, which Postgres alone cannot store and nothing here may contain: the client sent it. */
const NO_TEXT = '22021'
/** Two transactions that cannot both have happened: could not serialize, deadlock. */
const RIVALRY = ['40001', '40P01']
/** Classes of SQLSTATE: connection lost, resources exhausted, operator intervention, system error. */
const OUT_OF_ORDER = /^(08|53|57|58)/

function isRivalry(error: unknown): boolean {
  return error instanceof pg.DatabaseError && RIVALRY.includes(error.code ?? '')
}

function translated(error: unknown): unknown {
  if (!(error instanceof Error)) return error
  const options = { cause: error }
  if (error instanceof pg.DatabaseError) {
    if (error.code === UNIQUE_VIOLATION) return new Conflict(error.message, options)
    if (error.code === FOREIGN_KEY_VIOLATION) return new MissingReference(error.message, options)
    if (error.code === NO_TEXT) return new Fault('BAD_REQUEST', { why: 'Text must not hold a NUL.' }, options)
    if (!OUT_OF_ORDER.test(error.code ?? '')) return error
  }
  // What is left came from the network or the server's health, never from the statement.
  return new Fault('UNAVAILABLE', { why: 'The database does not answer at the moment.' }, options)
}
