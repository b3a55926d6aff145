import { randomUUID } from 'node:crypto'
import type { CompiledQuery } from 'kysely'
import { dayOf, hours, type Millis, minutes, seconds } from '../base/time.ts'
import type { Tx } from '../storage/sql/database.ts'
import { confirmLease, databaseNow, type Held, releaseLease, takeLease } from '../storage/tables/leases.ts'
import { deleteAuditBefore, deleteCountsBefore, deleteExpired } from '../storage/tables/pruning.ts'
import { settingByName, upsertSetting } from '../storage/tables/settings.ts'
import type { Cache, CacheBounds } from './cache.ts'
import type { Context } from './context.ts'
import type { Metrics } from './metrics.ts'
import type { Search } from './search.ts'
import { KEPT_DAYS } from './tally.ts'
import { Upkeep } from './upkeep.ts'

export type ChoreOptions = {
  /** 0: never. */
  readonly every: Millis
  /** What mirrored tarballs may take; absent where they could not be fetched again, or may stay. */
  readonly bounds?: CacheBounds
  /** Absent: the log of deeds is kept for ever. */
  readonly auditKeep?: Millis
}

/** For as long as somebody alone does what must not be done twice at once. */
export type Hold = {
  readonly held: Held
  /** Aborted when another took over, or when this server ends. */
  readonly signal: AbortSignal
}

const LEASE = 'upkeep'
const SETTING = 'upkeep-at'
/** A server that died is followed by another after this. */
const TTL: Millis = minutes(1)
const RENEW_EVERY: Millis = seconds(20)
/** Those who wait for an answer are told for a while that it came too late. */
const TELL_LATE: Millis = hours(1)

type Parts = {
  readonly upkeep: Upkeep
  readonly cache: Cache
  readonly search: Search
  readonly metrics: Metrics
}

/** What is done when nobody asks for it. */
export function createUpkeep(context: Context, parts: Omit<Parts, 'upkeep'>) {
  const upkeep = new Upkeep(context)
  return { upkeep, chores: new Chores(context, { ...parts, upkeep }) }
}

/**
 * What has to be done now and then, by one of all servers over a database: whoever takes the lease first when it is due. What is due and what is
 * past its time is told by the database's clock, so it does not matter what time the servers think it is.
 */
export class Chores {
  readonly #context: Context
  readonly #parts: Parts
  readonly #closing = new AbortController()
  readonly #ranAt: CompiledQuery<{ value: string }>
  #bounds: CacheBounds | undefined
  #timer: NodeJS.Timeout | undefined
  #turn: Promise<void> = Promise.resolve()

  constructor(context: Context, parts: Parts) {
    this.#context = context
    this.#parts = parts
    this.#ranAt = settingByName(context.storage.sql.read)
  }

  /** What mirrored tarballs may take, since `start`. */
  get bounds(): CacheBounds | undefined {
    return this.#bounds
  }

  /** From now on, every so often. */
  start(options: ChoreOptions): void {
    this.#bounds = options.bounds
    if (options.every > 0) this.#schedule(options)
  }

  /** Ends what goes on in the background, and leaves the rest to others. */
  async close(): Promise<void> {
    clearTimeout(this.#timer)
    this.#closing.abort()
    await this.#turn
  }

  /** Does `work` while nobody else does anything of the kind, on any server; undefined, without doing it, when somebody does. */
  async alone<T>(work: (hold: Hold) => Promise<T>): Promise<T | undefined> {
    const { sql } = this.#context.storage
    const wanted = { name: LEASE, holder: randomUUID(), ttl: TTL }
    const held = await takeLease(sql, wanted)
    if (!held) return undefined
    const lost = new AbortController()
    let renewing: Promise<unknown> = Promise.resolve()
    const renew = async () => {
      if ((await takeLease(sql, wanted))?.fence !== held.fence) lost.abort()
    }
    // While the database is away nobody can take over.
    const timer = setInterval(() => (renewing = renew().catch(() => undefined)), RENEW_EVERY)
    try {
      return await work({ held, signal: AbortSignal.any([lost.signal, this.#closing.signal]) })
    } finally {
      clearInterval(timer)
      await renewing
      await sql.transaction((tx) => releaseLease(tx, held)).catch(() => undefined) // it runs out by itself
    }
  }

  /** Looks more often than there is something to do, so that others soon follow a server that ended; never all at the same time. */
  #schedule(options: ChoreOptions): void {
    const pause = (options.every / 4) * (0.75 + Math.random() / 2)
    const turn = async () => {
      await this.#doWhatIsDue(options)
      if (!this.#closing.signal.aborted) this.#schedule(options)
    }
    this.#timer = setTimeout(() => (this.#turn = turn()), pause).unref()
  }

  async #doWhatIsDue(options: ChoreOptions): Promise<void> {
    try {
      if (!(await this.#isDue(options.every))) return
      await this.alone(async (hold) => {
        // Another may have been through with it just now.
        if (await this.#isDue(options.every)) await this.#doAll(options, hold)
      })
    } catch (err) {
      this.#context.log.warn({ err }, 'upkeep has to wait')
    }
  }

  async #isDue(every: Millis): Promise<boolean> {
    const { sql } = this.#context.storage
    const row = await sql.first(this.#ranAt, [SETTING])
    return row === undefined || (await databaseNow(sql)) - Number(row.value) >= every
  }

  async #doAll(options: ChoreOptions, hold: Hold): Promise<void> {
    const { log, storage } = this.#context
    const { metrics } = this.#parts
    const began = await databaseNow(storage.sql)
    const begun = performance.now()
    let outcome = 'ok'
    for (const [what, chore] of this.#chores(options, { hold, now: began })) {
      if (hold.signal.aborted) return
      try {
        metrics.add('entropic_upkeep_removed_total', { what }, await chore())
      } catch (err) {
        outcome = 'error'
        log.warn({ err, what }, 'upkeep failed')
      }
    }
    await this.#fenced(hold, (tx) => upsertSetting(tx, { name: SETTING, value: String(began) }))
    metrics.add('entropic_upkeep_runs_total', { outcome })
    metrics.set('entropic_upkeep_last_run_timestamp_seconds', began / 1000)
    metrics.set('entropic_upkeep_duration_seconds', (performance.now() - begun) / 1000)
  }

  /** Each resolves to how much it removed. */
  #chores(
    { bounds, auditKeep }: ChoreOptions,
    { hold, now }: { hold: Hold; now: Millis },
  ): [what: string, chore: () => Promise<number>][] {
    const { upkeep, cache, search } = this.#parts
    const chores: [string, () => Promise<number>][] = []
    if (bounds) chores.push(['tarballs', async () => (await cache.evict(bounds)).versions])
    chores.push(
      ['blobs', async () => (await upkeep.collectGarbage({ signal: hold.signal })).blobs],
      ['sessions', () => this.#fenced(hold, (tx) => deleteExpired(tx, 'session', now))],
      ['logins', () => this.#fenced(hold, (tx) => deleteExpired(tx, 'challenge', now - TELL_LATE))],
      [
        'invitations',
        () => this.#fenced(hold, (tx) => deleteExpired(tx, 'invitation_link', now - TELL_LATE)),
      ],
      ['counts', () => this.#fenced(hold, (tx) => deleteCountsBefore(tx, dayOf(now) - KEPT_DAYS))],
      ['search', () => search.catchUp().then(() => 0)],
    )
    if (auditKeep !== undefined)
      chores.push(['audit', () => this.#fenced(hold, (tx) => deleteAuditBefore(tx, now - auditKeep))])
    return chores
  }

  /** A transaction that does nothing once another has taken over. */
  #fenced<T>({ held }: Hold, work: (tx: Tx) => Promise<T>): Promise<T> {
    return this.#context.storage.sql.transaction(async (tx) => {
      if (!(await confirmLease(tx, held))) throw new Error('another server has taken over')
      return work(tx)
    })
  }
}
