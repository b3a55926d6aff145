/**
 * Where an entry of a package's tarball is unpacked, below the package's folder, in lower case since some file systems know no other. The first
 * folder of its name is left away, as package managers do. undefined for what leads out of there.
 */
export function placeOf(name: string): string | undefined {
  const parts = partsOf(name)
  if (isAbsolute(name) || parts.includes('..')) return undefined
  return parts
    .slice(parts.length > 1 ? 1 : 0)
    .join('/')
    .toLowerCase()
}

/** Tells whether a symbolic link of that name stays within the package. */
export function staysInside(name: string, target: string): boolean {
  if (isAbsolute(target)) return false
  let depth = Math.max(0, partsOf(name).length - 2) // without the first folder and the link itself
  for (const part of partsOf(target)) {
    depth += part === '..' ? -1 : 1
    if (depth < 0) return false
  }
  return true
}

/** Windows takes both slashes. */
function partsOf(name: string): string[] {
  return name.split(/[/\\]/).filter((part) => part !== '' && part !== '.')
}

function isAbsolute(name: string): boolean {
  return /^(?:[/\\]|[a-z]:)/i.test(name)
}
