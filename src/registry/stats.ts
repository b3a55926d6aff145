import type { Day, Millis } from '../base/time.ts'
import { listDayFigures, type Span } from '../storage/tables/downloads.ts'
import {
  countAccounts,
  countDocuments,
  countPackages,
  countTarballs,
  listMirrored,
  listWithdrawn,
} from '../storage/tables/stats.ts'
import type { Access } from './access.ts'
import type { Context } from './context.ts'
import type { Caller } from './model.ts'
import type { DayFigure } from './tally.ts'

export type TarballFigures = {
  readonly versions: number
  /** As if each version had its own. */
  readonly bytes: number
  /** As they are stored: the same content once. */
  readonly storedBytes: number
}

export type Figures = {
  readonly engine: 'sqlite' | 'postgres'
  readonly accounts: number
  readonly namespaces: number
  readonly packages: Readonly<Record<'local' | 'mirror', number>>
  readonly tarballs: Readonly<Record<'local' | 'mirror', TarballFigures>>
  readonly documents: { readonly documents: number; readonly bytes: number }
}

export type MirroredPackage = {
  readonly npmName: string
  readonly tarballs: number
  readonly bytes: number
  /** When upstream was last asked about it. */
  readonly checkedAt: Millis | undefined
}

/** A version that is kept aside, since its upstream offers it no longer. */
export type Withdrawn = { readonly npmName: string; readonly version: string; readonly noticedAt: Millis }

/** A value for each day of a span. */
export type History = Readonly<Record<DayFigure, readonly number[]>>

const NONE: TarballFigures = { versions: 0, bytes: 0, storedBytes: 0 }

/** What is stored here, counted for administrators. */
export class Stats {
  readonly #context: Context
  readonly #access: Access

  constructor(context: Context, access: Access) {
    this.#context = context
    this.#access = access
  }

  /** FORBIDDEN, UNAUTHENTICATED. */
  async figures(caller: Caller): Promise<Figures> {
    this.#access.admin(caller)
    const { read, engine } = this.#context.storage.sql
    const [people, packages, tarballs, documents] = await Promise.all([
      countAccounts(read),
      countPackages(read),
      countTarballs(read),
      countDocuments(read),
    ])
    const packagesOf = (source: 'local' | 'mirror') =>
      packages.find((it) => it.source === source)?.packages ?? 0
    const tarballsOf = (source: 'local' | 'mirror') => {
      const found = tarballs.find((it) => it.source === source)
      return found ? { versions: found.versions, bytes: found.bytes, storedBytes: found.distinctBytes } : NONE
    }
    return {
      engine,
      ...people,
      packages: { local: packagesOf('local'), mirror: packagesOf('mirror') },
      tarballs: { local: tarballsOf('local'), mirror: tarballsOf('mirror') },
      documents,
    }
  }

  /** What the mirror holds, those packages first that take most room. FORBIDDEN, UNAUTHENTICATED. */
  async mirrored(caller: Caller, page: { from: number; limit: number }): Promise<MirroredPackage[]> {
    this.#access.admin(caller)
    const rows = await listMirrored(this.#context.storage.sql.read, { limit: page.limit, offset: page.from })
    return rows.map(({ npm_name: npmName, tarballs, bytes, checked_at }) => ({
      npmName,
      tarballs,
      bytes,
      checkedAt: checked_at ?? undefined,
    }))
  }

  /** What upstreams withdrew, those noticed last first. FORBIDDEN, UNAUTHENTICATED. */
  async withdrawn(caller: Caller, limit: number): Promise<Withdrawn[]> {
    this.#access.admin(caller)
    const rows = await listWithdrawn(this.#context.storage.sql.read, limit)
    return rows.map(({ npm_name: npmName, version, removed_at: noticedAt }) => ({
      npmName,
      version,
      noticedAt,
    }))
  }

  /** What was counted and measured day by day. FORBIDDEN, UNAUTHENTICATED. */
  async history(caller: Caller, span: Span): Promise<History> {
    this.#access.admin(caller)
    const rows = await listDayFigures(this.#context.storage.sql.read, span)
    const days = Array.from({ length: span.to - span.from + 1 }, (_, at) => span.from + at)
    const valuesOf = (name: DayFigure) =>
      new Map(rows.filter((row) => row.name === name).map(({ day, value }) => [day, value]))
    const counted = (name: DayFigure) => each(days, valuesOf(name), () => 0)
    const measured = (name: DayFigure) => each(days, valuesOf(name), (before) => before)
    return {
      hits: counted('hits'),
      misses: counted('misses'),
      'served-bytes': counted('served-bytes'),
      'fetched-bytes': counted('fetched-bytes'),
      'evicted-bytes': counted('evicted-bytes'),
      'version-bytes': measured('version-bytes'),
      'stored-bytes': measured('stored-bytes'),
    }
  }
}

/** The value of each day; `otherwise` tells that of a day without one from the day before. */
function each(
  days: readonly Day[],
  values: ReadonlyMap<Day, number>,
  otherwise: (before: number) => number,
): number[] {
  let before = 0
  return days.map((day) => {
    before = values.get(day) ?? otherwise(before)
    return before
  })
}
