import { splitNpmName } from '../base/name.ts'
import type { Reader } from '../storage/sql/database.ts'
import { listClaimedScopes, listLocalNames } from '../storage/tables/advisories.ts'

/** Names looked up with one query. */
const CHUNK = 1000

/** Those of these npm names that an upstream may hear of: neither published here nor under a scope that is claimed here. */
export async function foreignNames(db: Reader, names: readonly string[]): Promise<string[]> {
  const foreign: string[] = []
  for (let at = 0; at < names.length; at += CHUNK) {
    const some = names.slice(at, at + CHUNK)
    const scopes = new Set(some.flatMap((name) => scopeOf(name) ?? []))
    const own = new Set(await listLocalNames(db, some))
    const claimed = new Set(scopes.size === 0 ? [] : await listClaimedScopes(db, [...scopes]))
    foreign.push(...some.filter((name) => !own.has(name) && !claimed.has(scopeOf(name) ?? '')))
  }
  return foreign
}

/** The namespace of ours that this npm name lies in, however it is spelled; undefined when it lies in none. */
export async function claimedScopeOf(db: Reader, name: string): Promise<string | undefined> {
  const scope = scopeOf(name)
  return scope === undefined ? undefined : (await listClaimedScopes(db, [scope]))[0]
}

/** As namespaces are written here: a name that differs in its case alone must not slip past them. */
function scopeOf(name: string): string | undefined {
  return splitNpmName(name).scope?.toLowerCase()
}
