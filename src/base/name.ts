import validateNpmName from 'validate-npm-package-name'
import { fail } from './fault.ts'

/**
 * A package's name in the one form used below the doors. `host` is '' for this registry (its public address may change),
 * else the other registry's host with its port.
 */
export type PackageName = { readonly namespace: string; readonly host: string; readonly name: string }

/** The namespace of everything that came from npm or carries a plain npm name. */
export const LEGACY = 'legacy'
/** The namespace that owns abandoned packages. */
export const ABANDONWARE = 'abandonware'
export const RESERVED_NAMESPACES: readonly string[] = [LEGACY, ABANDONWARE]
/** The team of every namespace that all its members are in, and nobody else. */
export const EVERYBODY = 'developers'

const NAMESPACE = /^[a-z0-9](?:[a-z0-9._-]{0,98}[a-z0-9])?$/
const LOCAL_NAME = /^[a-z0-9_-][a-z0-9._-]{0,199}$/

/** Parses the name of a namespace, a user or a team, or throws INVALID_NAME. */
export function parseNamespace(text: string): string {
  if (NAMESPACE.test(text)) return text
  return fail('INVALID_NAME', {
    name: text,
    why: 'use 1 to 100 of a-z, 0-9, ".", "_" and "-", beginning and ending with a letter or digit',
  })
}

/** Parses a package name of a namespace other than `legacy`, or throws INVALID_NAME. */
export function parseLocalName(text: string): string {
  if (LOCAL_NAME.test(text)) return text
  return fail('INVALID_NAME', {
    name: text,
    why: text.startsWith('@')
      ? 'name cannot be scoped'
      : 'use 1 to 200 of a-z, 0-9, ".", "_" and "-", not beginning with "."',
  })
}

/** Splits an npm name into scope (without the @) and bare name; `scope` is undefined for a plain name. */
export function splitNpmName(text: string): { scope: string | undefined; bare: string } {
  const slash = text.indexOf('/')
  if (!text.startsWith('@') || slash < 0) return { scope: undefined, bare: text }
  return { scope: text.slice(1, slash), bare: text.slice(slash + 1) }
}

/**
 * Checks a decoded npm name as old packages may have it (upper case, up to 214 characters, odd signs), or throws
 * INVALID_NAME. Anything that could leave its place in a path is refused.
 */
export function parseNpmName(text: string): string {
  if (isNpmName(text)) return text
  return fail('INVALID_NAME', {
    name: text,
    why: validateNpmName(text).errors?.[0] ?? 'not a legal package name',
  })
}

/** Whether parseNpmName takes it. */
export function isNpmName(text: string): boolean {
  return validateNpmName(text).validForOldPackages && !text.includes('\\')
}

/** Checks a name for a new package by npm's rules of today, or throws INVALID_NAME. In no scope it may be `__proto__`, as in none. */
export function parseNewNpmName(text: string): string {
  if (splitNpmName(text).bare === '__proto__')
    fail('INVALID_NAME', { name: text, why: 'programs in JavaScript could not keep it' })
  const verdict = validateNpmName(text)
  if (verdict.validForNewPackages) return text
  const why = verdict.errors?.[0] ?? verdict.warnings?.[0] ?? 'not a legal package name'
  return fail('INVALID_NAME', { name: text, why })
}

/** The npm spelling: `@ns/name`, or the name itself in `legacy`. On one host it is unique: a name has one origin. */
export function npmNameOf(name: PackageName): string {
  return name.namespace === LEGACY ? name.name : `@${name.namespace}/${name.name}`
}

/**
 * Reads a decoded npm name as a package of this registry, or throws INVALID_NAME. `@s/x` is taken for `s@host/x`; whether it
 * really is that or the mirrored `legacy@host/@s/x` is told by the row found under its npm spelling.
 */
export function fromNpmName(text: string): PackageName {
  const { scope, bare } = splitNpmName(parseNpmName(text))
  // The scope @legacy is npm's; the namespace `legacy` is where plain names live.
  return scope === undefined || scope === LEGACY
    ? { namespace: LEGACY, host: '', name: text }
    : { namespace: scope, host: '', name: bare }
}

/** `namespace@host/name` with `host` filled in for our own packages; the name as it is (for sentences). */
export function specOf(name: PackageName, ownHost: string): string {
  return `${name.namespace}@${name.host || ownHost}/${name.name}`
}

/** A spec in npm's spelling: `@namespace/name`, or the name itself where it lives in `legacy`. */
export function npmSpelling(spec: string): string {
  const [, namespace = '', name = spec] = /^([^@]+)@[^/]+\/(.*)$/.exec(spec) ?? []
  return namespace === '' || namespace === LEGACY ? name : `@${namespace}/${name}`
}

/** The canonical spelling of the Entropic API: as specOf, with the name percent-encoded. */
export function canonicalOf(name: PackageName, ownHost: string): string {
  return `${name.namespace}@${name.host || ownHost}/${encodeURIComponent(name.name)}`
}
