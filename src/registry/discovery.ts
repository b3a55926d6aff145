import semver from 'semver'
import type { Millis } from '../base/time.ts'
import type { ChangeKind } from '../storage/sql/database.ts'
import { listChanges, listLatestHolding } from '../storage/tables/discovery.ts'
import type { Context } from './context.ts'
import { npmDependencies } from './entropic-manifest.ts'
import { DEPENDENCY_FIELDS, type JsonObject, type PackageHead, type Who } from './model.ts'
import { headOf } from './package-head.ts'
import type { Packages } from './packages.ts'

/** One thing that happened to a package. `seq` rises; followers resume after the last one they saw. */
export type Change = {
  readonly seq: number
  readonly at: Millis
  readonly kind: ChangeKind
  readonly head: PackageHead
  readonly detail: JsonObject
}

export type ChangePage = {
  readonly changes: readonly Change[]
  /** Where to resume: the last change looked at, also when it was not to be seen. */
  readonly last: number
}

/** What can be learned across packages: what changed, who depends on whom. */
export class Discovery {
  readonly #context: Context
  readonly #packages: Packages

  constructor(context: Context, packages: Packages) {
    this.#context = context
    this.#packages = packages
  }

  /** The next changes after `since`, oldest first, of packages that `who` may see. */
  async changes(who: Who, since: number, limit: number): Promise<ChangePage> {
    const rows = await listChanges(this.#context.storage.sql.read, since, limit)
    const heads = rows.map((row) => headOf(row.package))
    const visible = new Set((await this.#packages.readable(who, heads)).map((head) => head.id))
    const changes = rows.map(({ change, package: row }) => ({
      seq: change.seq,
      at: change.at,
      kind: change.kind,
      head: headOf(row),
      // We wrote it ourselves: an object.
      detail: JSON.parse(change.detail) as JsonObject,
    }))
    const last = rows.at(-1)?.change.seq ?? since
    return { changes: changes.filter(({ head }) => visible.has(head.id)), last }
  }

  /** Packages published here whose latest version depends on this one, in a range that has to do with `range` when that is given. */
  async dependents(who: Who, head: PackageHead, range?: string): Promise<PackageHead[]> {
    // Only our own packages have npm names here.
    if (head.name.host !== '') return []
    const name = JSON.stringify(head.npmName)
    // The text only narrows the search: it may stand in the manifest for another reason.
    const rows = await listLatestHolding(this.#context.storage.sql.read, name)
    const depending = rows.filter(({ short }) =>
      rangesOf(JSON.parse(short ?? '{}'), head.npmName).some((wanted) => meets(wanted, range)),
    )
    return this.#packages.readable(who, depending.map(headOf))
  }
}

function rangesOf(manifest: JsonObject, npmName: string): string[] {
  return DEPENDENCY_FIELDS.flatMap((field) =>
    npmDependencies(manifest, field).flatMap(([name, range]) => (name === npmName ? [range] : [])),
  )
}

function meets(wanted: string, range: string | undefined): boolean {
  if (range === undefined) return true
  return semver.validRange(wanted) !== null && semver.intersects(wanted, range)
}
