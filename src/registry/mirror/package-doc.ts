import semver from 'semver'
import { fail } from '../../base/fault.ts'
import { iso, type Millis } from '../../base/time.ts'
import { abbreviate } from '../abbreviated.ts'
import type { Json, JsonObject, PackageDoc, PackageHead, VersionText } from '../model.ts'
import type { Judge, Verdict } from '../policy.ts'
import { newestOf } from '../tags.ts'
import { asObject, type UpstreamDocument } from '../upstream-document.ts'
import type { Contained } from './inspection.ts'

/**
 * Root members that have a place of their own in PackageDoc, or are the upstream's business: what it has staged holds manifests that no rule
 * has judged, and that npm takes up where it is told to include them.
 */
const NOT_COPIED: ReadonlySet<string> = new Set([
  'versions',
  'time',
  'dist-tags',
  'name',
  '_id',
  '_rev',
  '_attachments',
  'policyRestrictions',
  'stagedVersions',
])

/** Manifests that stand in the place of what the document says, by version. */
export type Pins = ReadonlyMap<string, JsonObject>

/**
 * An upstream document as the aggregate packuments are rendered from. What old documents lack is made up for: names, tags and dates.
 * `dist` is passed on as upstream wrote it (also `dist.attestations.url`, which points at the upstream), but for `tarball`.
 */
export function packageDocOf(
  head: PackageHead,
  document: UpstreamDocument,
  { pins, judge, insides }: { pins: Pins; judge: Judge; insides: ReadonlyMap<string, Contained> },
): PackageDoc {
  const time = timesOf(head, document)
  const verdictOn = (version: string) =>
    judge({
      version,
      publishedAt: Date.parse(time[version] ?? iso(head.createdAt)),
      manifest: () => pins.get(version) ?? document.manifest(version),
      contained: insides.get(version),
    })
  const verdicts = new Map([...document.versions].map((version) => [version, verdictOn(version)]))
  const offered = [...document.versions].filter((version) => verdicts.get(version)?.allowed)
  if (offered.length === 0) nothingOffered(head, verdicts)
  const isHidden = (version: string) => verdicts.get(version)?.allowed === false
  const copied = [...document.members].filter((name) => !NOT_COPIED.has(name))
  return {
    head,
    tags: tagsWithin(tagsOf(document), offered),
    time: Object.fromEntries(Object.entries(time).filter(([version]) => !isHidden(version))),
    get root() {
      return Object.fromEntries(copied.map((name) => [name, document.member(name)]))
    },
    versions: versionTexts(head, document, { pins, offered }),
    withheld: new Map([...withheldThere(document), ...withheldHere(verdicts)]),
  }
}

/** Tags that lead to a version; there is always a `latest`. */
export function tagsOf(document: UpstreamDocument): Record<string, string> {
  const tags = new Map<string, string>()
  for (const [tag, version] of Object.entries(document.objectMember('dist-tags')))
    if (typeof version === 'string' && document.hasVersion(version)) tags.set(tag, version)
  if (!tags.has('latest')) {
    const versions = [...document.versions]
    const latest = newestOf(versions.filter((version) => semver.valid(version))) ?? versions.at(-1)
    if (latest !== undefined) tags.set('latest', latest)
  }
  return Object.fromEntries(tags)
}

/** A version without a date counts as published when we first saw the package: never earlier than it can have been. */
function timesOf(head: PackageHead, document: UpstreamDocument): Record<string, string> {
  const said = Object.entries(document.objectMember('time')).filter(isDated)
  const known = Object.fromEntries(said)
  const missing = [...document.versions].filter((version) => !Object.hasOwn(known, version))
  return {
    created: iso(head.createdAt),
    modified: newest(said) ?? iso(head.createdAt),
    ...known,
    ...Object.fromEntries(missing.map((version) => [version, iso(head.createdAt)])),
  }
}

function isDated(entry: [string, Json | undefined]): entry is [string, string] {
  return typeof entry[1] === 'string' && !Number.isNaN(Date.parse(entry[1]))
}

function newest(times: readonly (readonly [string, string])[]): string | undefined {
  const moments: Millis[] = times.map(([, date]) => Date.parse(date))
  return moments.length === 0 ? undefined : iso(moments.reduce((a, b) => Math.max(a, b)))
}

/** Tags that point at what is hidden move to the newest version offered that is older, or, for `latest`, to the newest at all. */
function tagsWithin(
  tags: Readonly<Record<string, string>>,
  offered: readonly string[],
): Record<string, string> {
  const kept = Object.entries(tags).flatMap(([tag, version]) => {
    if (offered.includes(version)) return [[tag, version] as const]
    const older = offered.filter((it) => semver.valid(version) && semver.valid(it) && semver.lt(it, version))
    const moved = newestOf(older) ?? (tag === 'latest' ? newestOf(offered) : undefined)
    return moved === undefined ? [] : [[tag, moved] as const]
  })
  return Object.fromEntries(kept)
}

function withheldHere(verdicts: ReadonlyMap<string, Verdict>): [string, string][] {
  return [...verdicts].filter(([, { allowed }]) => !allowed).map(([version, { why }]) => [version, why])
}

/** What the upstream withholds, in the words it has for all of them. */
function withheldThere(document: UpstreamDocument): [string, string][] {
  const { versions, message } = document.objectMember('policyRestrictions')
  if (typeof message !== 'string') return []
  const names = Object.keys(asObject(versions) ?? {}).filter((version) => !document.hasVersion(version))
  return names.map((version) => [version, message])
}

function nothingOffered(head: PackageHead, verdicts: ReadonlyMap<string, Verdict>): void {
  const [first] = verdicts.values()
  if (first)
    fail('FORBIDDEN', {
      why: `Every version of ${head.npmName} is withheld here, the first since ${first.why}`,
    })
}

function* versionTexts(
  head: PackageHead,
  document: UpstreamDocument,
  { pins, offered }: { pins: Pins; offered: readonly string[] },
): Generator<VersionText> {
  for (const version of offered) {
    const manifest = pins.get(version) ?? document.manifest(version)
    if (manifest) yield versionText(head, version, manifest)
  }
}

function versionText(head: PackageHead, version: string, upstream: JsonObject): VersionText {
  const { dist, deprecated, ...rest } = upstream
  const manifest = { ...rest, name: head.npmName, version }
  const { tarball: _, ...kept } = asObject(dist) ?? {}
  // Mostly only one of the two is asked for.
  return {
    version,
    get full() {
      return JSON.stringify(manifest)
    },
    get short() {
      return JSON.stringify(abbreviate(manifest))
    },
    dist: JSON.stringify(kept),
    deprecated: deprecationOf(deprecated),
  }
}

/** A text; documents from CouchDB's days also say true, or false and '' for what was deprecated once. */
function deprecationOf(value: Json | undefined): string | undefined {
  if (value === true) return 'deprecated'
  return typeof value === 'string' && value !== '' ? value : undefined
}
