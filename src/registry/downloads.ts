import { Fault } from '../base/fault.ts'
import { type Day, dateOf, dayOf, dayOfDate } from '../base/time.ts'
import {
  downloadsByDay,
  downloadsByPackage,
  downloadsByVersion,
  listNamed,
  type Span,
} from '../storage/tables/downloads.ts'
import type { Context } from './context.ts'
import type { PackageHead, Who } from './model.ts'
import { headOf } from './package-head.ts'
import type { Packages } from './packages.ts'
import { KEPT_DAYS } from './tally.ts'

/** Downloads of a package, or of all, on each day of a period. */
export type Downloads = { readonly period: Period; readonly days: readonly number[] }
export type Period = Span & { readonly start: string; readonly end: string }

const NAMED: ReadonlyMap<string, number> = new Map([
  ['last-day', 1],
  ['last-week', 7],
  ['last-month', 30],
  ['last-year', 365],
])
/** As npm's: of several packages at once. */
const MOST_PACKAGES = 128
const MOST_DAYS_OF_SEVERAL = 365

/** How often packages were downloaded from here. The last day of a period that ends now is today, as far as it has come. */
export class DownloadCounts {
  readonly #context: Context
  readonly #packages: Packages

  constructor(context: Context, packages: Packages) {
    this.#context = context
    this.#packages = packages
  }

  /** `last-day`, `last-week`, `last-month`, `last-year`, a date, or two with a colon between. BAD_REQUEST. */
  period(text: string): Period {
    const today = dayOf(this.#context.clock.now())
    const length = NAMED.get(text)
    if (length !== undefined) return periodOf({ from: today - length + 1, to: today })
    const [first = '', last = first, ...more] = text.split(':')
    const [from, to] = [dayOfDate(first), dayOfDate(last)]
    if (from === undefined || to === undefined || more.length > 0)
      return refuse(
        `"${text}" is no period; use last-day, last-week, last-month, last-year, YYYY-MM-DD or YYYY-MM-DD:YYYY-MM-DD`,
      )
    if (to < from) return refuse(`the period ends (${last}) before it begins (${first})`)
    if (to - from >= KEPT_DAYS)
      return refuse(`a period has at most ${KEPT_DAYS} days; ${text} has ${to - from + 1}`)
    return periodOf({ from, to })
  }

  /** Of one package. PACKAGE_NOT_FOUND, also when `who` may not see it. */
  async ofPackage(who: Who, npmName: string, period: Period): Promise<Downloads> {
    const head = await this.#head(who, npmName)
    return this.of(head, period)
  }

  /** Of a package that somebody was let see. */
  async of(head: PackageHead, period: Period): Promise<Downloads> {
    const rows = await downloadsByDay(this.#context.storage.sql.read, period, [head.id])
    return { period, days: daily(period, rows) }
  }

  /** Of several packages, in the order asked for; undefined where there is none that `who` may see. BAD_REQUEST. */
  async ofPackages(
    who: Who,
    npmNames: readonly string[],
    period: Period,
  ): Promise<Map<string, Downloads | undefined>> {
    if (npmNames.length > MOST_PACKAGES)
      refuse(`at most ${MOST_PACKAGES} packages can be asked for at once, not ${npmNames.length}`)
    if (npmNames.some((name) => name.startsWith('@')))
      refuse('scoped packages cannot be asked for together with others; ask for each alone')
    if (period.to - period.from >= MOST_DAYS_OF_SEVERAL)
      refuse(`several packages can be asked for at most ${MOST_DAYS_OF_SEVERAL} days`)
    const heads = new Map((await this.#heads(who, npmNames)).map((head) => [head.npmName, head.id]))
    const rows = await downloadsByDay(this.#context.storage.sql.read, period, [...heads.values()])
    const byPackage = Map.groupBy(rows, ({ package_id: id }) => id)
    return new Map(
      npmNames.map((name) => {
        const id = heads.get(name)
        return [name, id === undefined ? undefined : { period, days: daily(period, byPackage.get(id) ?? []) }]
      }),
    )
  }

  /** Of all public packages together. */
  async ofAll(period: Period): Promise<Downloads> {
    const rows = await downloadsByDay(this.#context.storage.sql.read, period)
    return { period, days: daily(period, rows) }
  }

  /** Downloads of each version that had any. PACKAGE_NOT_FOUND. */
  async ofVersions(who: Who, npmName: string, period: Period): Promise<Record<string, number>> {
    const { id } = await this.#head(who, npmName)
    const rows = await downloadsByVersion(this.#context.storage.sql.read, period, id)
    return Object.fromEntries(rows.map(({ version, count }) => [version, count]))
  }

  /** Downloads in the last week and month of each of these packages, in one look each. */
  async recent(packageIds: readonly string[]): Promise<(id: string) => { weekly: number; monthly: number }> {
    const { read } = this.#context.storage.sql
    const [week, month] = await Promise.all(
      ['last-week', 'last-month'].map(async (text) => {
        const rows = await downloadsByPackage(read, this.period(text), packageIds)
        return new Map(rows.map(({ package_id: id, count }) => [id, count]))
      }),
    )
    return (id) => ({ weekly: week?.get(id) ?? 0, monthly: month?.get(id) ?? 0 })
  }

  async #head(who: Who, npmName: string): Promise<PackageHead> {
    const [head] = await this.#heads(who, [npmName])
    if (head) return head
    throw new Fault('PACKAGE_NOT_FOUND', { spec: npmName })
  }

  /** Upstream is not asked: it counts for itself. */
  async #heads(who: Who, npmNames: readonly string[]): Promise<PackageHead[]> {
    // Postgres takes no NUL in a text, and no name holds one.
    const names = npmNames.filter((name) => !name.includes('\0'))
    const rows = names.length === 0 ? [] : await listNamed(this.#context.storage.sql.read, names)
    return this.#packages.readable(who, rows.map(headOf))
  }
}

function periodOf(span: Span): Period {
  return { ...span, start: dateOf(span.from), end: dateOf(span.to) }
}

/** Every day of the period, those without downloads too. */
function daily({ from, to }: Span, rows: readonly { day: Day; count: number }[]): number[] {
  const days = Array.from({ length: to - from + 1 }, () => 0)
  for (const { day, count } of rows) days[day - from] = (days[day - from] ?? 0) + count
  return days
}

function refuse(why: string): never {
  throw new Fault('BAD_REQUEST', { why })
}
