import Database from 'better-sqlite3'
import type { CompiledQuery, DatabaseConnection, QueryResult } from 'kysely'
import { Fault } from '../../base/fault.ts'
import { Conflict, MissingReference } from './database.ts'

const MAX_STATEMENTS = 500
/** Pages a connection keeps, in KiB: the system keeps the file's pages as well, and a commit makes every other connection drop its own. */
const PAGE_CACHE = 4000

let addon: object | undefined

/** Hands in the loaded native addon, for where better-sqlite3 cannot find it beside its own files. Before a file is opened. */
export function useSqliteAddon(loaded: object): void {
  addon = loaded
}

/**
 * One connection to an SQLite file, speaking Kysely's connection interface. Statements are prepared once: preparing costs twice
 * what running a point read does. SQLite's own busy timeout is off since it would stop the event loop; callers retry.
 */
export class SqliteFile implements DatabaseConnection {
  readonly #db: Database.Database
  readonly #statements = new Map<string, Database.Statement>()
  readonly #dataVersion: Database.Statement

  constructor(path: string, mode: 'read' | 'write') {
    // The typings know only the path of an addon; better-sqlite3 13 also takes the loaded object.
    const binding = addon && { nativeBinding: addon as unknown as string }
    this.#db = new Database(path, { readonly: mode === 'read', timeout: 0, ...binding })
    try {
      this.exec(`pragma cache_size = -${PAGE_CACHE}`) // reads the file, so that it may be busy or none
      this.#dataVersion = this.#db.prepare('pragma data_version').pluck()
    } catch (error) {
      this.#db.close()
      throw error
    }
  }

  get inTransaction(): boolean {
    return this.#db.inTransaction
  }

  /** Runs a script of several statements. */
  exec(script: string): void {
    try {
      this.#db.exec(script)
    } catch (error) {
      throw translated(error)
    }
  }

  first(sql: string, parameters: readonly unknown[]): unknown {
    try {
      return this.#prepare(sql).get(...parameters)
    } catch (error) {
      throw translated(error)
    }
  }

  /** Another number after each commit of another connection, in this process or any. */
  dataVersion(): unknown {
    try {
      return this.#dataVersion.get()
    } catch (error) {
      throw translated(error)
    }
  }

  async executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    try {
      const statement = this.#prepare(query.sql)
      // What the columns are is the query's to say: R comes from Kysely's types.
      if (statement.reader) return { rows: statement.all(query.parameters) as R[] }
      return { rows: [], numAffectedRows: BigInt(statement.run(query.parameters).changes) }
    } catch (error) {
      throw translated(error)
    }
  }

  streamQuery(): AsyncIterableIterator<never> {
    throw new Error('An open cursor would block the connection: ask for pages instead.')
  }

  close(): void {
    this.#db.close()
  }

  #prepare(sql: string): Database.Statement {
    const known = this.#statements.get(sql)
    if (known) return known
    // Texts are few; only lists of varying length make new ones, and those must not pile up.
    if (this.#statements.size >= MAX_STATEMENTS) this.#statements.clear()
    const statement = this.#db.prepare(sql)
    this.#statements.set(sql, statement)
    return statement
  }
}

/** Tells whether another connection holds what we need for the moment. */
export function isBusy(error: unknown): boolean {
  return error instanceof Database.SqliteError && /^SQLITE_(BUSY|LOCKED)/.test(error.code)
}

function translated(error: unknown): unknown {
  if (!(error instanceof Database.SqliteError)) return error
  const options = { cause: error }
  if (/^SQLITE_CONSTRAINT_(PRIMARYKEY|UNIQUE|ROWID)$/.test(error.code))
    return new Conflict(error.message, options)
  if (error.code === 'SQLITE_CONSTRAINT_FOREIGNKEY') return new MissingReference(error.message, options)
  if (/^SQLITE_(FULL|IOERR)/.test(error.code))
    return new Fault('UNAVAILABLE', { why: 'The database cannot be written at the moment.' }, options)
  return error
}
