/** A version that a lock file names, or a range of versions that somebody would like. */
export type Wish =
  | { readonly kind: 'version'; readonly name: string; readonly version: string }
  | { readonly kind: 'range'; readonly name: string; readonly range: string }

/** Reads `name`, `name@range`, and `alias@npm:name@range`, as package managers do; undefined for what no registry has. */
export function wishOf(name: string, spec = ''): Wish | undefined {
  if (spec.startsWith('npm:')) {
    const real = splitSpec(spec.slice('npm:'.length))
    return wishOf(real.name, real.range)
  }
  if (/[:/]/.test(spec)) return undefined
  return { kind: 'range', name, range: spec === '' ? 'latest' : spec }
}

/** `@scope/name@range` → its two halves; the range is '' when there is none. */
export function splitSpec(spec: string): { name: string; range: string } {
  const at = spec.indexOf('@', 1)
  return at < 0 ? { name: spec, range: '' } : { name: spec.slice(0, at), range: spec.slice(at + 1) }
}

export function keyOf(wish: Wish): string {
  return `${wish.name}@${wish.kind === 'version' ? wish.version : `range ${wish.range}`}`
}
