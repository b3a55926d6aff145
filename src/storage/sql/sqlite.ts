import type { CompiledQuery } from 'kysely'
import type { Reader, Tx } from './database.ts'
import type { ScriptableSql } from './migrate.ts'
import { retrying } from './retry.ts'
import { RowMemory } from './row-memory.ts'
import { readerOver, transactionOver } from './sqlite-builders.ts'
import { isBusy, SqliteFile } from './sqlite-file.ts'
import { WriteAheadLog } from './write-ahead-log.ts'

/**
 * Opens the database file at `path`, making it when absent. Other processes may use it at the same time. A publish that was answered
 * must outlive a power cut: hence `full`, which WAL does not have by itself. `off` is for what is thrown away anyhow.
 */
export function openSqlite(path: string, synchronous: 'full' | 'off' = 'full'): Promise<ScriptableSql> {
  return retrying(async () => {
    const writer = new SqliteFile(path, 'write')
    try {
      writer.exec('pragma journal_mode = wal; pragma foreign_keys = on')
      const log = synchronous === 'off' ? undefined : new WriteAheadLog(path, writer)
      if (!log) writer.exec('pragma synchronous = off')
      return new SqliteSql(writer, { log, openReader: () => new SqliteFile(path, 'read') })
    } catch (error) {
      writer.close()
      throw error
    }
  }, isBusy)
}

/**
 * One connection writes, one transaction at a time; another reads, so that a select never waits for an open transaction. Both are
 * synchronous underneath, and the promises around them let one table function serve both engines.
 */
class SqliteSql implements ScriptableSql {
  readonly engine = 'sqlite'
  readonly read: Reader
  readonly #reader: SqliteFile
  readonly #openReader: () => SqliteFile
  readonly #writer: SqliteFile
  readonly #memory: RowMemory
  /** Undefined where nothing need outlive a power cut. */
  readonly #log: WriteAheadLog | undefined
  #lastTransaction: Promise<unknown> = Promise.resolve()

  constructor(
    writer: SqliteFile,
    { log, openReader }: { log: WriteAheadLog | undefined; openReader: () => SqliteFile },
  ) {
    const reader = openReader()
    this.#log = log
    this.#writer = writer
    this.#reader = reader
    this.#openReader = openReader
    this.read = readerOver(reader)
    this.#memory = new RowMemory(() => reader.dataVersion())
  }

  transaction<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#inTurn(work, () => this.#log?.awaitDisk())
  }

  relaxed<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#inTurn(work, () => this.#log?.spareDisk())
  }

  #inTurn<T>(work: (tx: Tx) => Promise<T>, prepare: () => void): Promise<T> {
    const attempt = () => {
      prepare()
      return transactionOver(this.#writer, (tx) => onlySql(work(tx)))
    }
    const run = this.#lastTransaction
      .then(() => retrying(attempt, isBusy))
      .finally(() => this.#memory.forget())
    this.#lastTransaction = run.catch(() => {})
    return run
  }

  /** A connection of its own: what the write-ahead log holds is folded into the file once it has read enough. */
  unhurried<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.transaction(work)
  }

  async snapshot<T>(work: (db: Reader) => Promise<T>): Promise<T> {
    const file = this.#openReader()
    try {
      file.exec('begin')
      file.first('select count(*) from sqlite_schema', []) // the first read, not begin, chooses the moment
      return await work(readerOver(file))
    } finally {
      file.close()
    }
  }

  async first<R>(query: CompiledQuery<R>, parameters: readonly unknown[]): Promise<R | undefined> {
    // The row's columns are those of the compiled query, and so is its type.
    const read = () => this.#recall(query, parameters) as R | undefined
    try {
      return read()
    } catch (error) {
      if (!isBusy(error)) throw error
      return retrying(async () => read(), isBusy)
    }
  }

  firstNow<R>(query: CompiledQuery<R>, parameters: readonly unknown[]): R | undefined {
    try {
      // As in first.
      return this.#recall(query, parameters) as R | undefined
    } catch {
      return undefined
    }
  }

  #recall(query: CompiledQuery, parameters: readonly unknown[]): unknown {
    return this.#memory.get(query, parameters, () => this.#reader.first(query.sql, parameters))
  }

  async ping(): Promise<void> {
    this.#reader.first('select 1', [])
  }

  async script(_tx: Tx, text: string): Promise<void> {
    this.#writer.exec(text)
  }

  async close(): Promise<void> {
    await this.#lastTransaction
    await this.#log?.close()
    this.#reader.close()
    // The last connection to leave folds the write-ahead log into the file; a read-only one could not.
    this.#writer.close()
  }
}

/**
 * Resolves to what `body` does, but rejects as soon as it waits for anything but SQL. Our statements resolve without the event
 * loop taking a turn, so an immediate armed at the beginning cannot fire in an honest transaction.
 */
async function onlySql<T>(body: Promise<T>): Promise<T> {
  const strayed = Promise.withResolvers<never>()
  const proof = setImmediate(() =>
    strayed.reject(new Error('A transaction waited for something other than its own SQL')),
  )
  try {
    return await Promise.race([body, strayed.promise])
  } finally {
    clearImmediate(proof)
  }
}
