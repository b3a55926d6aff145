import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Kysely, sql } from 'kysely'
import type { Sql, Tx } from './database.ts'

/** What migrating needs beyond Sql. */
export interface ScriptableSql extends Sql {
  /** As transaction, however long its statements take. */
  unhurried<T>(work: (tx: Tx) => Promise<T>): Promise<T>
  /** Runs a text of several statements inside the transaction `tx`. */
  script(tx: Tx, text: string): Promise<void>
}

/** One step of the schema: `name` orders it, `text` is its SQL, `checksum` notices later edits. */
export type Migration = { readonly name: string; readonly text: string; readonly checksum: string }

/** A folder of `.sql` files, or their texts by name where no folder is at hand. */
export type MigrationSource = string | Readonly<Record<string, string>>

/**
 * Releases run side by side while replicas are replaced, so a migration only adds: tables, indexes, columns that may be left out. Taking away
 * waits for a release after the last one that used it, in a file whose name ends like this; whoever does not know that file is too old.
 */
const CONTRACTION = '.contract.sql'

/** The migrations of `source` in the order of their names. */
export async function readMigrations(source: MigrationSource): Promise<Migration[]> {
  const texts = typeof source === 'string' ? await readFolder(source) : source
  return Object.entries(texts)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, text]) => ({ name, text, checksum: createHash('sha256').update(text).digest('hex') }))
}

async function readFolder(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql'))
  const texts = names.map(async (name) => [name, await readFile(join(folder, name), 'utf8')] as const)
  return Object.fromEntries(await Promise.all(texts))
}

/**
 * Brings the schema up to date, one transaction a migration. Processes that start together take turns under a lock. Throws an
 * Error when an applied migration was edited, or one unknown here took something away (the database belongs to a newer release).
 */
export async function migrate(db: ScriptableSql, migrations: readonly Migration[]): Promise<string[]> {
  const applied: string[] = []
  for (;;) {
    const name = await db.unhurried((tx) => applyNext(db, tx, migrations))
    if (name === undefined) return applied
    applied.push(name)
  }
}

/** The names of the migrations that `migrate` would run; throws as it does. Changes nothing. */
export async function pendingOf(db: Sql, migrations: readonly Migration[]): Promise<string[]> {
  const tables = await db.read.introspection.getTables()
  if (!tables.some((table) => table.name === 'migration')) return migrations.map(({ name }) => name)
  return unapplied(await listApplied(db.read), migrations).map(({ name }) => name)
}

/** The names of the migrations that made the schema what it is. */
export async function appliedMigrations(db: Sql): Promise<string[]> {
  return (await listApplied(db.read)).map(({ name }) => name).toSorted()
}

type Applied = { readonly name: string; readonly checksum: string }

async function applyNext(db: ScriptableSql, tx: Tx, migrations: readonly Migration[]) {
  // SQLite's transaction is the lock; Postgres needs one that is there before any table is. The number means nothing.
  if (db.engine === 'postgres') await sql`select pg_advisory_xact_lock(7305808)`.execute(tx)
  await sql`create table if not exists migration (name text primary key, checksum text not null)`.execute(tx)
  const next = unapplied(await listApplied(tx), migrations)[0]
  if (!next) return undefined
  await db.script(tx, inWordsOf(db.engine, next.text))
  await sql`insert into migration (name, checksum) values (${next.name}, ${next.checksum})`.execute(tx)
  return next.name
}

async function listApplied(db: Kysely<never> | Sql['read']): Promise<Applied[]> {
  const { rows } = await sql<Applied>`select name, checksum from migration`.execute(db)
  return rows
}

function unapplied(applied: readonly Applied[], migrations: readonly Migration[]): Migration[] {
  const known = new Map(migrations.map((migration) => [migration.name, migration.checksum]))
  for (const { name, checksum } of applied) {
    if (!known.has(name) && !name.endsWith(CONTRACTION)) continue
    if (!known.has(name))
      throw new Error(
        `The database was made by a newer release: its migration ${name} took away what this one needs. Start that release, or restore a backup made before it.`,
      )
    if (known.get(name) !== checksum)
      throw new Error(
        `The migration ${name} was edited after it had been applied. Restore its text and put the change in a new file.`,
      )
  }
  const done = new Set(applied.map(({ name }) => name))
  return migrations.filter(({ name }) => !done.has(name))
}

/**
 * The two things the engines do not say alike. Text sorts by its bytes in SQLite; in Postgres that needs a word, or two machines
 * would order names by their own languages.
 */
function inWordsOf(engine: Sql['engine'], text: string): string {
  if (engine === 'sqlite') return text.replace(/\bIDENTITY\b/g, 'integer primary key autoincrement')
  return text
    .replace(/\bIDENTITY\b/g, 'bigint generated always as identity primary key')
    .replace(/\btext\b/g, 'text collate "C"')
}
