import semver from 'semver'
import { Fault } from '../base/fault.ts'

export type Tags = Readonly<Record<string, string>>

/** A tag must not look like a version or a range, or nobody could tell them apart (npm's rule). INVALID_TAG. */
export function parseTag(tag: string): string {
  if (tag === '' || tag.length > 200 || tag !== tag.trim())
    throw new Fault('INVALID_TAG', { tag, why: 'a tag has 1 to 200 characters and no space around it' })
  if (tag === '.' || tag === '..') throw new Fault('INVALID_TAG', { tag, why: 'no address could name it' })
  if (tag === '__proto__')
    throw new Fault('INVALID_TAG', { tag, why: 'programs in JavaScript could not keep it' })
  if (semver.validRange(tag) !== null)
    throw new Fault('INVALID_TAG', { tag, why: 'it would be read as a version range' })
  if (encodeURIComponent(tag) !== tag && !/^[\w@:/.-]+$/.test(tag))
    throw new Fault('INVALID_TAG', { tag, why: 'use letters, digits, ".", "_" and "-"' })
  return tag
}

/**
 * The tags to write when `version` is published. Tags asked for are put on it. A package always has a `latest`; without a
 * tag asked for it only moves forward by semver, and never from a release to a prerelease.
 */
export function tagsForPublish(current: Tags, version: string, asked: readonly string[]): string[] {
  const tags = asked.map(parseTag)
  if (tags.includes('latest')) return tags
  if (current.latest === undefined) return [...tags, 'latest']
  return tags.length === 0 && supersedes(version, current.latest) ? ['latest'] : tags
}

/**
 * The tags to write when the publish of `version` is repeated: those asked for that stand nowhere, or on a version that it supersedes. What was
 * published since keeps its tags, or a client's retry would take `latest` back.
 */
export function tagsForRepeat(current: Tags, version: string, asked: readonly string[]): string[] {
  const stands = new Map(Object.entries(current))
  return asked.map(parseTag).filter((tag) => {
    const other = stands.get(tag)
    return other === undefined || supersedes(version, other)
  })
}

/** Tells whether `version` may take `latest` over from `latest` unasked. */
export function supersedes(version: string, latest: string): boolean {
  if (semver.prerelease(version) !== null && semver.prerelease(latest) === null) return false
  if (semver.prerelease(version) === null && semver.prerelease(latest) !== null) return true
  return semver.gt(version, latest)
}

/** The best `latest` among the versions left: the highest release, or the highest of all when there is no release. */
export function newestOf(versions: readonly string[]): string | undefined {
  const sorted = [...versions].sort(semver.rcompare)
  return sorted.find((version) => semver.prerelease(version) === null) ?? sorted[0]
}

/** INVALID_VERSION unless `text` is a version as semver writes it (build metadata is refused: npm drops it silently). */
export function parseVersion(text: string): string {
  const clean = semver.clean(text)
  if (clean === text && text.length <= 256) return text
  throw new Fault('INVALID_VERSION', { version: text.slice(0, 300), clean })
}
