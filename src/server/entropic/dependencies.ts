import semver from 'semver'
import { Fault } from '../../base/fault.ts'
import {
  canonicalOf,
  LEGACY,
  npmNameOf,
  type PackageName,
  parseLocalName,
  parseNamespace,
  parseNpmName,
} from '../../base/name.ts'
import { DEPENDENCY_FIELDS, type DependencyField, type DependencyMaps } from '../../registry/model.ts'

/** Dependencies in both spellings: canonical, and npm's as far as npm can name them. */
export type Dependencies = {
  readonly canonical: DependencyMaps
  /** Without packages of other hosts. */
  readonly npm: DependencyMaps
}

type Entry = { readonly target: PackageName; readonly range: string }

/** Reads the dependency fields of a publish, JSON texts as they were sent. BAD_REQUEST, INVALID_NAME. */
export function parseDependencies(fields: ReadonlyMap<string, string>, ownHost: string): Dependencies {
  const maps = DEPENDENCY_FIELDS.map(
    (field) => [field, parseField(field, fields.get(field), ownHost)] as const,
  )
  const spelled = (spell: (target: PackageName) => string, keep: (target: PackageName) => boolean) =>
    // DEPENDENCY_FIELDS are all the keys there are.
    Object.fromEntries(
      maps.map(([field, entries]) => [
        field,
        mapOf(
          entries.filter(({ target }) => keep(target)),
          spell,
        ),
      ]),
    ) as DependencyMaps
  return {
    canonical: spelled(
      (target) => canonicalOf(target, ownHost),
      () => true,
    ),
    npm: spelled(npmNameOf, (target) => target.host === ''),
  }
}

function mapOf(entries: readonly Entry[], spell: (target: PackageName) => string) {
  return Object.fromEntries(entries.map(({ target, range }) => [spell(target), range]))
}

function parseField(field: DependencyField, text: string | undefined, ownHost: string): Entry[] {
  return Object.entries(parseMap(field, text)).map(([name, range]) => {
    if (typeof range !== 'string' || semver.validRange(range) === null)
      throw new Fault('BAD_REQUEST', {
        why: `invalid semver range in "${field}" for "${name}": "${String(range)}"`,
      })
    return { target: parseDependency(name, ownHost), range }
  })
}

function parseMap(field: DependencyField, text = '{}'): object {
  try {
    const value: unknown = JSON.parse(text)
    // The original takes null and [] for no dependencies.
    if (value === null || (Array.isArray(value) && value.length === 0)) return {}
    if (typeof value === 'object' && !Array.isArray(value)) return value
  } catch {
    // The same sentence as for JSON that is not an object.
  }
  throw new Fault('BAD_REQUEST', { why: `expected "${field}" to be JSON` })
}

/**
 * The package a dependency names: an npm name (`x`, `@s/x`) is npm's, hence in `legacy`; else `ns@host/name`, where the host may be left out
 * and the name percent-encoded. BAD_REQUEST, INVALID_NAME.
 */
export function parseDependency(sent: string, ownHost: string): PackageName {
  const slash = sent.indexOf('/')
  if (slash < 0 || sent.startsWith('@')) return { namespace: LEGACY, host: '', name: parseNpmName(sent) }
  const [user = '', host = ''] = splitOnce(sent.slice(0, slash), '@')
  if (host !== '' && user.includes(':'))
    throw new Fault('BAD_REQUEST', { why: 'Contained unexpected password in namespace portion' })
  const namespace = parseNamespace(user)
  const name = decoded(sent.slice(slash + 1))
  return {
    namespace,
    host: parseHost(host, ownHost),
    name: namespace === LEGACY ? parseNpmName(name) : parseLocalName(name),
  }
}

function parseHost(host: string, ownHost: string): string {
  if (host === '' || host.toLowerCase() === ownHost.toLowerCase()) return ''
  if (/^[\w.-]+(?::\d{1,5})?$/.test(host)) return host
  throw new Fault('INVALID_NAME', { name: host, why: 'a host is a name with or without a port' })
}

function decoded(name: string): string {
  try {
    return decodeURIComponent(name)
  } catch {
    throw new Fault('INVALID_NAME', { name, why: 'it is not percent-encoded UTF-8' })
  }
}

function splitOnce(text: string, separator: string): string[] {
  const at = text.indexOf(separator)
  return at < 0 ? [text] : [text.slice(0, at), text.slice(at + 1)]
}
