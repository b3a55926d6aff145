import { Fault } from '../../base/fault.ts'
import { fromNpmName, type PackageName } from '../../base/name.ts'

/** Places in a path, besides its start, where a package name stands. */
const BEFORE_NAME = new Set(['package', 'attestations'])

/**
 * Brings the four spellings of a scoped name (`@s%2fn`, `@s%2Fn`, `%40s%2fn`, `@s/n`) to `@s%2fn`, so that a name is always one
 * segment. Works on the raw path: once decoded, a name's slash could not be told from the path's.
 */
export function canonicalPath(path: string): string {
  const segments = path.split('/').slice(1)
  const out: string[] = []
  for (let i = 0; i < segments.length; i++) {
    const segment = (segments[i] ?? '').replace(/^%40/, '@').replace(/^(@[^%]*)%2f/i, '$1%2f')
    const namePlace = i === 0 || BEFORE_NAME.has(segments[i - 1] ?? '')
    if (namePlace && segment.startsWith('@') && !segment.includes('%2f') && segments[i + 1] !== undefined)
      out.push(`${segment}%2f${segments[++i]}`)
    else out.push(segment)
  }
  return `/${out.join('/')}`
}

/** A name from a path, decoded once. INVALID_NAME for anything that is no npm name, such as what still holds a `%` or `..`. */
export function nameFromPath(segment: string): PackageName {
  return fromNpmName(decode(segment))
}

export function decode(segment: string): string {
  try {
    return decodeURIComponent(segment)
  } catch (error) {
    throw new Fault('BAD_REQUEST', { why: `"${segment}" is not percent-encoded UTF-8` }, { cause: error })
  }
}
