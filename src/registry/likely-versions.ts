import semver from 'semver'

/** Up to so many versions a package is taken whole. */
const FEW = 40

/**
 * Of a package's versions those that clients are likely to want: all when they are few; else what the tags name, and of the newest FEW
 * major.minor lines the newest release each.
 */
export function likelyVersions(
  versions: readonly string[],
  tags: Readonly<Record<string, string>>,
): readonly string[] {
  if (versions.length <= FEW) return versions
  const lines = new Map<string, string>()
  const releases = versions.filter((version) => semver.valid(version) && !semver.prerelease(version))
  for (const version of releases.sort(semver.rcompare)) {
    const line = `${semver.major(version)}.${semver.minor(version)}`
    if (!lines.has(line)) lines.set(line, version)
  }
  const tagged = Object.values(tags).filter((version) => versions.includes(version))
  return [...new Set([...tagged, ...[...lines.values()].slice(0, FEW)])]
}
