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
    .toUpperCase() // makes a letter of what is only like one
    .toLowerCase()
}

/**
 * Tells whether a symbolic link of that name stays within the package. One that climbs after it went down does not: what it goes down may be a
 * link itself.
 */
export function staysInside(name: string, target: string): boolean {
  const parts = partsOf(target)
  const climbs = parts.filter((part) => part === '..').length
  const depth = Math.max(0, partsOf(name).length - 2) // without the first folder and the link itself
  return !isAbsolute(target) && climbs <= depth && parts.lastIndexOf('..') < climbs
}

/** Whether a name stands beside the package's folder, or for it. */
export function isOutermost(name: string): boolean {
  return partsOf(name).length < 2
}

/** Windows takes both slashes. */
function partsOf(name: string): string[] {
  return name.split(/[/\\]/).filter((part) => part !== '' && part !== '.')
}

function isAbsolute(name: string): boolean {
  return /^(?:[/\\]|[a-z]:)/i.test(name)
}
