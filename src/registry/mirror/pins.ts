import ssri from 'ssri'
import type { JsonObject } from '../model.ts'
import { type Dist, distOf, type UpstreamDocument } from '../upstream-document.ts'

const ALGORITHMS = ['sha512', 'sha384', 'sha256', 'sha1'] as const

/**
 * Goes through what is new in a document and parses it, so that nothing unreadable is ever stored. Resolves to the versions whose content
 * is suddenly said to be another, with what was said before: a published version never changes, so the old word stands.
 * Throws SyntaxError.
 */
export async function changedContent(
  document: UpstreamDocument,
  before: UpstreamDocument | undefined,
): Promise<Map<string, JsonObject>> {
  const changed = new Map<string, JsonObject>()
  for (const name of document.members) if (name !== 'versions') document.member(name)
  let parsed = 0
  for (const version of document.versions) {
    if (before?.sameVersion(version, document)) continue
    const now = document.manifest(version)
    const old = before?.manifest(version)
    if (old && contradicts(distOf(now ?? {}), distOf(old))) changed.set(version, old)
    if (++parsed % 500 === 0) await new Promise(setImmediate)
  }
  return changed
}

/** Tells whether `now` fails to vouch for the content that `old` vouched for. */
export function contradicts(now: Dist, old: Dist): boolean {
  const ours = ssri.parse(old.integrity ?? '')
  const theirs = ssri.parse(now.integrity ?? '')
  const common = ALGORITHMS.find((algorithm) => ours?.[algorithm]?.length && theirs?.[algorithm]?.length)
  if (common) {
    const hashes = new Set(theirs?.[common]?.map(({ digest }) => digest))
    return !ours?.[common]?.some(({ digest }) => hashes.has(digest))
  }
  if (old.shasum !== undefined) return old.shasum.toLowerCase() !== now.shasum?.toLowerCase()
  return old.integrity !== undefined
}
