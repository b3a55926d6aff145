/** Places in a path, besides its start, where a package name stands. */
const BEFORE_NAME = new Set(['package', 'attestations'])

/**
 * Brings the four spellings of a scoped name (`@s%2fn`, `@s%2Fn`, `%40s%2fn`, `@s/n`) to `@s%2fn`, so that a name is always one
 * segment. Works on the raw path: once decoded, a name's slash could not be told from the path's.
 */
export function canonicalPath(path: string): string {
  // Most names have no scope: nothing to do then.
  if (!path.includes('@') && !path.includes('%40')) return path
  const segments = path.split('/').slice(1)
  const out: string[] = []
  for (let i = 0; i < segments.length; i++) {
    const segment = (segments[i] ?? '').replace(/^%40/, '@').replace(/^(@[^%]*)%2f/i, '$1%2f')
    const namePlace = i === 0 || BEFORE_NAME.has(segments[i - 1] ?? '') || isCounted(segments, i)
    if (namePlace && segment.startsWith('@') && !segment.includes('%2f') && segments[i + 1] !== undefined)
      out.push(`${segment}%2f${segments[++i]}`)
    else out.push(segment)
  }
  return `/${out.join('/')}`
}

/** The names in `/downloads/point/last-week/…` and `/versions/…/last-week`. */
function isCounted([first, second]: readonly string[], at: number): boolean {
  return first === 'downloads' ? at === 3 && second !== '-' : first === 'versions' && at === 1
}

/** What installing asks for, read off a canonical path. */
export type ReadPath =
  | { readonly kind: 'packument'; readonly name: string }
  | { readonly kind: 'version'; readonly name: string; readonly version: string }
  | { readonly kind: 'tarball'; readonly name: string; readonly file: string }

/** undefined for any other path, and for what is not percent-encoded UTF-8. Each part is decoded once. */
export function parseReadPath(path: string): ReadPath | undefined {
  const [, name = '', second, third, ...more] = path.split('/')
  if (name === '' || name === '-' || more.length > 0) return undefined
  try {
    if (second === undefined || second === '')
      return third === undefined ? { kind: 'packument', name: decodeURIComponent(name) } : undefined
    if (second === '-')
      return third
        ? { kind: 'tarball', name: decodeURIComponent(name), file: decodeURIComponent(third) }
        : undefined
    if (third !== undefined || second === '-rev') return undefined
    return { kind: 'version', name: decodeURIComponent(name), version: decodeURIComponent(second) }
  } catch {
    return undefined
  }
}
