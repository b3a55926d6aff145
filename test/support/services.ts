import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { Redis } from 'ioredis'
import pg from 'pg'
import { describe, inject } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { openStorage, type Storage, type StorageConfig } from '../../src/storage/storage.ts'
import { s3Address } from './s3.ts'
import { executable } from './server-process.ts'
import { temporaryFolder as makeTemporaryFolder } from './temporary-folder.ts'

export const migrationsFolder = fileURLToPath(new URL('../../migrations', import.meta.url))

/** What of a test's context registers cleaning up. */
export type Cleanup = { onTestFinished(work: () => Promise<void>): void }

/** A new empty folder, removed when the test is over: `await temporaryFolder(t)` with the test's context. */
export async function temporaryFolder(t: Cleanup): Promise<string> {
  const folder = await makeTemporaryFolder()
  t.onTestFinished(async () => folder[Symbol.asyncDispose]())
  return folder.path
}

/** Why there is no Postgres, Redis or S3 in this run; undefined when there is. */
export const missing = {
  postgres: inject('postgres').missing,
  redis: inject('redis').missing,
  s3: inject('s3').missing,
}

/** The address of a fresh, empty Postgres database; undefined when Postgres is missing. */
export async function postgresUrl(): Promise<string | undefined> {
  const { url } = inject('postgres')
  if (!url) return undefined
  const name = `test_${randomUUID().replaceAll('-', '')}`
  await onPostgres(`create database ${name}`)
  return new URL(name, url).href
}

/** The address of a fresh, empty Redis database; undefined when Redis is missing. */
export async function redisUrl(): Promise<string | undefined> {
  const { url } = inject('redis')
  if (!url) return undefined
  const client = new Redis(url)
  const number = await client.incr('databases')
  client.disconnect()
  return `${url}/${number}`
}

/** A place where storage can be opened, more than once and at the same time. Disposing removes it. */
export type Place = AsyncDisposable & { readonly config: StorageConfig }

/** A set of drivers that the rules must work on. */
export type Engine = {
  readonly name: 'sqlite' | 'postgres' | 's3'
  /** Why it cannot be had in this run. */
  readonly missing: string | undefined
  place(): Promise<Place>
  /** Storage in a place of its own, which goes away with it. */
  open(): Promise<Storage>
}

export const postgres = engine('postgres', missing.postgres, onServers)

/** SQLite with the in-process kv; Postgres with Redis (when that is there). Both with blobs on disk. */
export const engines: readonly Engine[] = [
  engine('sqlite', undefined, async () => ({ drivers: {}, remove: async () => {} })),
  postgres,
]

/** As the second of `engines`, with blobs in S3 and so few copies on disk that they come and go. */
const s3Engine = engine('s3', missing.postgres ?? missing.s3, async () => {
  const [{ drivers, remove }, address] = await Promise.all([onServers(), s3Address()])
  return { drivers: { ...drivers, s3: { address, budget: 64 * 1024, redirect: false } }, remove }
})

/** What TEST_ENGINE says that an app is to run on where its test says nothing; undefined: SQLite. */
export const chosenEngine = chosen(process.env.TEST_ENGINE)

function chosen(name: string | undefined): Engine | undefined {
  if (name === undefined) return undefined
  const found = [...engines, s3Engine].find((engine) => engine.name === name)
  if (!found) throw new Error(`TEST_ENGINE is "${name}"; allowed: sqlite, postgres, s3`)
  if (found.missing) throw new Error(`TEST_ENGINE is "${name}", but ${found.missing}`)
  return found
}

/** Runs `suite` once an engine; one that is missing is reported as skipped. */
export function onEveryEngine(title: string, suite: (engine: Engine) => void): void {
  onEach(engines, title, suite)
}

/** As onEveryEngine, for suites that have much to do with blobs: over S3 too. */
export function onEveryStorage(title: string, suite: (engine: Engine) => void): void {
  onEach([...engines, s3Engine], title, suite)
}

function onEach(those: readonly Engine[], title: string, suite: (engine: Engine) => void): void {
  // Over other engines it is the checkout that runs, and has been judged without the executable.
  for (const engine of executable ? those.filter(({ name }) => name === 'sqlite') : those) {
    const reason = engine.missing ? ` – ${engine.missing}` : ''
    describe.skipIf(engine.missing)(`${title} (${engine.name}${reason})`, () => suite(engine))
  }
}

type Drivers = { drivers: Pick<StorageConfig, 'postgres' | 'redisUrl' | 's3'>; remove(): Promise<void> }

async function onServers(): Promise<Drivers> {
  const [database, redis] = await Promise.all([postgresUrl(), redisUrl()])
  if (!database) throw new Error(missing.postgres)
  return {
    drivers: { postgres: { url: database }, ...(redis ? { redisUrl: redis } : {}) },
    remove: () => onPostgres(`drop database ${new URL(database).pathname.slice(1)} (force)`),
  }
}

function engine(name: Engine['name'], reason: string | undefined, prepare: () => Promise<Drivers>): Engine {
  const place = async () => {
    const { drivers, remove } = await prepare()
    const folder = await mkdtemp(join(tmpdir(), `entropic-${name}-`))
    const config = { folder, migrations: migrationsFolder, log: silentLog, ...drivers }
    const dispose = async () => {
      await rm(folder, { recursive: true, force: true })
      await remove()
    }
    return { config, [Symbol.asyncDispose]: dispose }
  }
  const open = async () => {
    await using made = new AsyncDisposableStack()
    const { config } = made.use(await place())
    const { sql, blobs, kv } = made.use(await openStorage(config))
    const closing = made.move()
    return { sql, blobs, kv, [Symbol.asyncDispose]: () => closing.disposeAsync() }
  }
  return { name, missing: reason, place, open }
}

async function onPostgres(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: inject('postgres').url })
  await client.connect()
  try {
    await client.query(statement)
  } finally {
    await client.end()
  }
}
