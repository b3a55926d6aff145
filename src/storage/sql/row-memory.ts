import type { CompiledQuery } from 'kysely'
import { Memo } from '../../base/memo.ts'

const MAX_ROWS = 4000
/** A memo keeps no undefined; that a row is not there is worth remembering, too. */
const NO_ROW = Symbol('no row')

/**
 * Rows of point reads, good until anybody commits: SQLite counts the commits of other connections (`pragma data_version`), those of
 * other processes included. Asked once a turn of the event loop, since requests that came in together were all sent before that.
 */
export class RowMemory {
  readonly #version: () => unknown
  readonly #byQuery = new Map<CompiledQuery, Memo<string, object | typeof NO_ROW>>()
  #known: unknown
  #isChecked = false

  constructor(version: () => unknown) {
    this.#version = version
  }

  /** The row `read` gives, or gave since the last commit. Frozen, for everybody gets the same one. */
  get(query: CompiledQuery, parameters: readonly unknown[], read: () => unknown): unknown {
    this.#check()
    const rows = this.#rowsOf(query)
    const key = parameters.length === 1 ? String(parameters[0]) : parameters.join('\0')
    const kept = rows.get(key)
    if (kept !== undefined) return kept === NO_ROW ? undefined : kept
    const row = Object.freeze(read())
    rows.set(key, typeof row === 'object' && row !== null ? row : NO_ROW)
    return row
  }

  /** After a commit of our own: what is read next must see it. */
  forget(): void {
    this.#isChecked = false
  }

  #check(): void {
    if (this.#isChecked) return
    const version = this.#version()
    if (version !== this.#known) for (const rows of this.#byQuery.values()) rows.clear()
    this.#known = version
    this.#isChecked = true
    setImmediate(() => this.forget())
  }

  #rowsOf(query: CompiledQuery): Memo<string, object | typeof NO_ROW> {
    const known = this.#byQuery.get(query)
    if (known) return known
    const rows = new Memo<string, object | typeof NO_ROW>(MAX_ROWS)
    this.#byQuery.set(query, rows)
    return rows
  }
}
