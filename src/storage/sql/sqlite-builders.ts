import {
  type CompiledQuery,
  type ConnectionProvider,
  DefaultQueryExecutor,
  type Dialect,
  type Driver,
  Kysely,
  type QueryResult,
  SqliteAdapter,
  SqliteIntrospector,
  SqliteQueryCompiler,
  Transaction,
} from 'kysely'
import type { Database, Reader, Tx } from './database.ts'
import { retrying } from './retry.ts'
import { isBusy, type SqliteFile } from './sqlite-file.ts'

type Run = <R>(query: CompiledQuery) => Promise<QueryResult<R>>

/** Selects on a connection that never has a transaction of its own. */
export function readerOver(file: SqliteFile): Reader {
  return new Kysely<Database>(propsOver(file, (query) => retrying(() => file.executeQuery(query), isBusy)))
}

/** `work` in a transaction on a connection that has none; nothing can be run in it afterwards. */
export async function transactionOver<T>(file: SqliteFile, work: (tx: Tx) => Promise<T>): Promise<T> {
  let ended = false
  const run: Run = (query) => {
    if (ended) throw new Error('The transaction is already committed or rolled back')
    return file.executeQuery(query)
  }
  // Immediate: the lock is taken before the first read, so nothing read can be outdated when it comes to writing.
  file.exec('begin immediate')
  try {
    const result = await work(new Transaction<Database>(propsOver(file, run)))
    file.exec('commit')
    return result
  } catch (error) {
    // Some failures (a full disk) have rolled back already.
    if (file.inTransaction) file.exec('rollback')
    throw error
  } finally {
    ended = true
  }
}

/**
 * Kysely's builders straight over a connection. Its own way to one (drivers, pools, locks, plugins, each a promise) would cost more than SQLite
 * does with the query; our connections are always there and take one query after another.
 */
function propsOver(file: SqliteFile, run: Run) {
  return { config: { dialect }, dialect, driver: unused, executor: new DirectExecutor(file, run) }
}

class DirectExecutor extends DefaultQueryExecutor {
  readonly #run: Run

  constructor(file: SqliteFile, run: Run) {
    const connection = { executeQuery: run, streamQuery: () => file.streamQuery() }
    const provider: ConnectionProvider = { provideConnection: (consumer) => consumer(connection) }
    super(compiler, adapter, provider)
    this.#run = run
  }

  override executeQuery<R>(query: CompiledQuery): Promise<QueryResult<R>> {
    return this.#run(query)
  }
}

const [compiler, adapter] = [new SqliteQueryCompiler(), new SqliteAdapter()]

const refuse = async () => {
  throw new Error('Transactions are begun by transactionOver')
}

const unused: Driver = {
  init: async () => {},
  acquireConnection: refuse,
  beginTransaction: refuse,
  commitTransaction: refuse,
  rollbackTransaction: refuse,
  releaseConnection: async () => {},
  destroy: async () => {},
}

const dialect: Dialect = {
  createAdapter: () => adapter,
  createDriver: () => unused,
  createIntrospector: (db) => new SqliteIntrospector(db),
  createQueryCompiler: () => compiler,
}
