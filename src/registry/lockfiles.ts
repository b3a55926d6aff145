import { parse, parseAllDocuments } from 'yaml'
import { fail } from '../base/fault.ts'
import type { Json, JsonObject } from './model.ts'
import { asObject } from './upstream-document.ts'
import { keyOf, splitSpec, type Wish, wishOf } from './wishes.ts'

export type Wishes = {
  readonly wishes: readonly Wish[]
  /** What comes from elsewhere than a registry: git, folders, single tarballs. */
  readonly elsewhere: readonly string[]
}

type Reader = (text: string) => Iterable<Found>
/** A wish, or in words what is none. */
type Found = Wish | string

const READERS: Readonly<Record<string, Reader>> = {
  'package-lock.json': npmLock,
  'npm-shrinkwrap.json': npmLock,
  'pnpm-lock.yaml': pnpmLock,
  'yarn.lock': (text) => (/^__metadata:/m.test(text) ? berryLock(text) : yarnLock(text)),
  'bun.lock': bunLock,
  'package.json': packageJson,
}

/** The files that readLockFile understands, by their usual names. */
export const LOCK_FILES: readonly string[] = Object.keys(READERS)

/** Reads what a project's file asks for; `file` is its bare name. BAD_REQUEST. */
export function readLockFile(file: string, text: string): Wishes {
  const read = READERS[file] ?? fail('BAD_REQUEST', { why: `"${file}" is none of ${LOCK_FILES.join(', ')}` })
  const wishes = new Map<string, Wish>()
  const elsewhere: string[] = []
  try {
    for (const found of read(text)) {
      if (typeof found === 'string') elsewhere.push(found)
      else wishes.set(keyOf(found), found)
    }
  } catch (error) {
    fail('BAD_REQUEST', {
      why: `"${file}" cannot be read: ${error instanceof Error ? error.message : error}`,
    })
  }
  return { wishes: [...wishes.values()], elsewhere }
}

const exactly = (name: string, version: string): Wish => ({ kind: 'version', name, version })

function* packageJson(text: string): Generator<Found> {
  const manifest = objectOf(JSON.parse(text))
  for (const field of ['dependencies', 'devDependencies', 'optionalDependencies', 'peerDependencies'])
    for (const [name, spec] of Object.entries(asObject(manifest[field]) ?? {}))
      yield wishOf(name, String(spec)) ?? `${name}@${spec}`
}

/** Versions 2 and 3 list every folder of node_modules; version 1 nests. */
function* npmLock(text: string): Generator<Found> {
  const lock = objectOf(JSON.parse(text))
  const folders = asObject(lock.packages)
  if (!folders) return yield* nestedDependencies(lock)
  for (const [folder, value] of Object.entries(folders)) {
    const entry = asObject(value)
    const at = folder.lastIndexOf('node_modules/')
    if (!entry || at < 0 || entry.link === true || entry.inBundle === true) continue
    const name = textOf(entry.name) ?? folder.slice(at + 'node_modules/'.length)
    yield fromResolved(name, textOf(entry.version), textOf(entry.resolved))
  }
}

function* nestedDependencies(parent: JsonObject): Generator<Found> {
  for (const [key, value] of Object.entries(asObject(parent.dependencies) ?? {})) {
    const entry = asObject(value)
    if (!entry || entry.bundled === true) continue
    const spec = textOf(entry.version) ?? ''
    const real = spec.startsWith('npm:') ? splitSpec(spec.slice('npm:'.length)) : { name: key, range: spec }
    yield fromResolved(real.name, real.range, textOf(entry.resolved))
    yield* nestedDependencies(entry)
  }
}

/** `/name@1.0.0(peers)` since version 6, without the slash since 9; `/name/1.0.0_peers` in 5. */
function* pnpmLock(text: string): Generator<Found> {
  for (const document of parseAllDocuments(text)) {
    if (document.errors[0]) throw document.errors[0]
    const lock = asObject(document.toJS() as Json)
    for (const [key, value] of Object.entries(asObject(lock?.packages) ?? {})) {
      const path = (key.split('(')[0] ?? '').replace(/^\//, '')
      const [, name, version] = /^((?:@[^/]+\/)?[^/@]+)[/@](.+)$/.exec(path) ?? []
      const resolution = asObject(asObject(value)?.resolution)
      const isPlain = resolution !== undefined && textOf(resolution.integrity) !== undefined
      if (name === undefined || version === undefined || !isPlain || /[:/]/.test(version)) yield key
      else yield fromResolved(name, version.split('_')[0], textOf(resolution.tarball))
    }
  }
}

/** A header names who asks; the lines below it say what they got. */
function* yarnLock(text: string): Generator<Found> {
  for (const block of text.split(/\r?\n(?=\S)/)) {
    const [, header] = /^(?!#)"?([^",]+).*:\s*(?:\r?\n|$)/.exec(block) ?? []
    const [, version] = /^ {2}version "?([^"\s]+)"?/m.exec(block) ?? []
    if (header === undefined || version === undefined) continue
    const { name, range } = splitSpec(header.replace(/:$/, ''))
    const real = range.startsWith('npm:') ? splitSpec(range.slice('npm:'.length)).name : name
    const [, resolved] = /^ {2}resolved "?([^"\s]+)"?/m.exec(block) ?? []
    yield resolved === undefined || /^(?:https?:|file:|git|\.)/.test(range)
      ? `${real}@${range}`
      : fromResolved(real, version, resolved)
  }
}

function* berryLock(text: string): Generator<Found> {
  for (const entry of Object.values(objectOf(parse(text)))) {
    const resolution = textOf(asObject(entry)?.resolution)
    if (resolution === undefined || /@(?:workspace|patch|link|portal):/.test(resolution)) continue
    const [, name, version] = /^(.+)@npm:([^:]+)/.exec(resolution) ?? []
    yield name !== undefined && version !== undefined ? exactly(name, version) : resolution
  }
}

/** JSON with commas at the end of lists, which YAML allows too. */
function* bunLock(text: string): Generator<Found> {
  for (const entry of Object.values(asObject(objectOf(parse(text)).packages) ?? {})) {
    const spec = Array.isArray(entry) ? textOf(entry[0]) : undefined
    if (spec === undefined) continue
    const { name, range } = splitSpec(spec)
    if (/^(?:workspace|root|link):/.test(range)) continue
    yield /[:/]/.test(range) ? spec : exactly(name, range)
  }
}

/** Tarballs of registries lie under `/-/` or, with some, a download path; git and files do not come over HTTP. */
function fromResolved(name: string, version: string | undefined, resolved: string | undefined): Found {
  const isRegistry = resolved === undefined || /^https?:\/\/.+\/(?:-|download)\//.test(resolved)
  if (version !== undefined && isRegistry && !/[:/]/.test(version)) return exactly(name, version)
  return `${name}@${resolved ?? version}`
}

function textOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined
}

function objectOf(value: unknown): JsonObject {
  // What these parsers give is made of the types of JSON.
  return asObject(value as Json) ?? fail('BAD_REQUEST', { why: 'it holds no object' })
}
