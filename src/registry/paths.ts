import { Fault } from '../base/fault.ts'

const MAX_LENGTH = 4096

/** Checks one file path of a version as `/`-separated text relative to the package's root. INVALID_PATH. */
export function parsePath(path: string): string {
  if (path === '' || path.length > MAX_LENGTH) refuse(path, `a path has 1 to ${MAX_LENGTH} characters`)
  if (path.includes('\0')) refuse(path, 'it holds a NUL character')
  if (path.includes('\\')) refuse(path, 'it holds a backslash, which Windows takes for a separator')
  for (const segment of path.split('/'))
    if (segment === '' || segment === '.' || segment === '..')
      refuse(path, 'it must be relative, without ".", ".." or empty segments')
  return path
}

/**
 * Refuses a set of paths that some file system could not hold side by side: equal but for case or Unicode form, or a file where another
 * path needs a folder. INVALID_PATH.
 */
export function checkCollisions(paths: readonly string[]): void {
  const folded = new Map<string, string>()
  for (const path of paths) {
    const key = fold(path)
    const other = folded.get(key)
    if (other !== undefined) refuse(path, `it collides with "${other}"`)
    folded.set(key, path)
  }
  for (const path of paths) {
    const key = fold(path)
    for (let slash = key.indexOf('/'); slash > 0; slash = key.indexOf('/', slash + 1)) {
      const file = folded.get(key.slice(0, slash))
      if (file !== undefined) refuse(path, `"${file}" is a file, not a folder`)
    }
  }
}

/** Bytewise order, the same on every machine and engine. */
export function byBytes(a: string, b: string): number {
  return Buffer.compare(Buffer.from(a), Buffer.from(b))
}

function fold(path: string): string {
  return path.normalize('NFC').toLowerCase()
}

function refuse(path: string, why: string): never {
  throw new Fault('INVALID_PATH', { path: path.replaceAll('\0', '\\0').slice(0, 200), why })
}
