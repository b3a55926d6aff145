import { Fault } from '../base/fault.ts'
import { canonicalOf, splitNpmName } from '../base/name.ts'
import { findNamespace } from '../storage/tables/accounts.ts'
import type { Context } from './context.ts'
import { dependencyMaps, dependencyTarget, npmDependencies } from './entropic-manifest.ts'
import {
  DEPENDENCY_FIELDS,
  type DependencyMaps,
  type JsonObject,
  type Manifest,
  type PublishRequest,
} from './model.ts'

/** BAD_REQUEST for more dependencies than the registry takes. */
export function checkDependencies(
  { limits }: Context,
  { dependencies, manifest }: Pick<PublishRequest, 'dependencies' | 'manifest'>,
): void {
  const maps: JsonObject = dependencies ?? manifest
  const count = DEPENDENCY_FIELDS.reduce((sum, field) => sum + npmDependencies(maps, field).length, 0)
  if (count > limits.dependencies)
    throw new Fault('BAD_REQUEST', { why: 'Exceeded maximum number of dependencies.' })
}

/** The dependencies of an npm manifest in canonical names: scopes that are namespaces here are ours. */
export async function canonicalDependencies(
  { storage, host }: Context,
  manifest: Manifest,
): Promise<DependencyMaps> {
  const names = DEPENDENCY_FIELDS.flatMap((field) => npmDependencies(manifest, field).map(([name]) => name))
  const scopes = new Set(names.flatMap((name) => splitNpmName(name).scope ?? []))
  const claimed = new Set<string>()
  for (const scope of scopes) if (await findNamespace(storage.sql.read, scope)) claimed.add(scope)
  return dependencyMaps(manifest, (name) => canonicalOf(dependencyTarget(name, claimed), host()))
}
