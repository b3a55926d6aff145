import type { PackageDoc } from '../../registry/model.ts'

/** Most reasons told, and most versions named with each: a freeze may have a reason for every version. */
const REASONS = 20
const NAMED = 10

/**
 * What npm knows of withheld versions (npm-pick-manifest): it picks one only where nothing else fits, and shows the message instead of asking
 * for the tarball. Other clients do not look at it.
 */
export function policyRestrictions(withheld: PackageDoc['withheld']): object | undefined {
  if (withheld.size === 0) return undefined
  const versions = Object.fromEntries(withheld.keys().map((version) => [version, { version }]))
  return { policyRestrictions: { message: messageOf(withheld), versions } }
}

/** A line for each reason, those of the newest versions first. */
function messageOf(withheld: PackageDoc['withheld']): string {
  const newestFirst = [...withheld].reverse()
  const reasons = [...Map.groupBy(newestFirst, ([, why]) => why)]
  const lines = reasons.slice(0, REASONS).map(([why, versions]) => `${named(versions)}: ${why}`)
  const untold = reasons.length - lines.length
  return [...lines, ...(untold > 0 ? [`and ${untold} more reasons, for other versions`] : [])].join('\n')
}

function named(versions: readonly (readonly [string, string])[]): string {
  const names = versions.slice(0, NAMED).map(([version]) => version)
  const unnamed = versions.length - names.length
  return names.join(', ') + (unnamed > 0 ? ` and ${unnamed} more` : '')
}
