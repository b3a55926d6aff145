import { createHash } from 'node:crypto'
import semver from 'semver'
import type { Severity } from '../../base/severity.ts'
import type { AdvisoryRow } from '../../storage/sql/advisory.ts'
import type { Json, JsonObject } from '../model.ts'
import { asObject } from '../upstream-document.ts'

/** What one entry of an OSV dump says of npm packages; `rows` is empty for what was withdrawn or is about others. */
export type Entry = { readonly id: string; readonly rows: readonly AdvisoryRow[] }

/** Reads an entry as described at ossf.github.io/osv-schema; undefined for what is none. */
export function readEntry(value: unknown): Entry | undefined {
  const entry = asObject(value as Json) // looked at below, member by member
  const id = textOf(entry?.id)
  if (!entry || id === undefined || !Array.isArray(entry.affected)) return undefined
  if (entry.withdrawn !== undefined) return { id, rows: [] }
  const affected = objectsIn(entry.affected)
  const ours = affected.filter((one) => asObject(one.package)?.ecosystem === 'npm')
  const byName = Map.groupBy(ours, (one) => textOf(asObject(one.package)?.name) ?? '')
  byName.delete('')
  return { id, rows: [...byName].map(([name, parts]) => rowOf(id, entry, { name, parts })) }
}

function rowOf(
  id: string,
  entry: JsonObject,
  { name, parts }: { name: string; parts: readonly JsonObject[] },
): AdvisoryRow {
  const events = parts.map((part) => listOf(part.ranges).flatMap(eventsOf))
  const spans = events.flatMap(spansOf)
  const named = parts.flatMap((part) => listOf(part.versions)).filter((it) => semver.valid(String(it), true))
  const vulnerable = [...new Set([...spans, ...named.map(String)])].join(' || ') || '<0.0.0-0'
  const fixed = events.flat().flatMap((event) => textOf(event.fixed) ?? [])
  const severity = severityOf(id, entry)
  const document = documentOf(id, entry, { severity, vulnerable })
  return {
    package_name: name,
    id,
    severity,
    vulnerable,
    fixed: JSON.stringify([...new Set(fixed)]),
    document: JSON.stringify(document),
  }
}

function eventsOf(range: Json | undefined): JsonObject[] {
  const object = asObject(range)
  if (!object || object.type === 'GIT') return []
  return objectsIn(object.events)
}

/** Events in their order: each introduction lasts until the next end. */
function spansOf(events: readonly JsonObject[]): string[] {
  const spans: string[] = []
  let from: string | undefined
  for (const { introduced, fixed, last_affected: last } of events) {
    const begun = from === undefined || from === '0' ? '' : `>=${from}`
    if (typeof introduced === 'string') from = introduced
    else if (from !== undefined && typeof fixed === 'string') {
      spans.push(`${begun} <${fixed}`.trim())
      from = undefined
    } else if (from !== undefined && typeof last === 'string') {
      spans.push(`${begun} <=${last}`.trim())
      from = undefined
    }
  }
  if (from !== undefined) spans.push(from === '0' ? '*' : `>=${from}`)
  return spans.filter((span) => semver.validRange(span, true) !== null)
}

const SPOKEN: Readonly<Record<string, Severity>> = {
  LOW: 'low',
  MODERATE: 'moderate',
  MEDIUM: 'moderate',
  HIGH: 'high',
  CRITICAL: 'critical',
}

/** One that says nothing counts as moderate. */
function severityOf(id: string, entry: JsonObject): Severity {
  if (id.startsWith('MAL-')) return 'malware'
  const said = textOf(asObject(entry.database_specific)?.severity)
  return SPOKEN[said?.toUpperCase() ?? ''] ?? 'moderate'
}

/** As the bulk endpoint of npm's registry has it. */
function documentOf(
  id: string,
  entry: JsonObject,
  { severity, vulnerable }: { severity: Severity; vulnerable: string },
): JsonObject {
  const pages = objectsIn(entry.references)
  const page = pages.find(({ type }) => type === 'ADVISORY') ?? pages[0]
  const vector = textOf(objectsIn(entry.severity)[0]?.score)
  return {
    id: numberOf(id),
    url: textOf(page?.url) ?? `https://osv.dev/vulnerability/${encodeURIComponent(id)}`,
    title: textOf(entry.summary) ?? textOf(entry.details)?.slice(0, 200) ?? id,
    severity: severity === 'malware' ? 'critical' : severity,
    vulnerable_versions: vulnerable,
    cwe: listOf(asObject(entry.database_specific)?.cwe_ids),
    cvss: { score: 0, vectorString: vector ?? null },
  }
}

/** npm wants a number; the same for the same advisory. */
function numberOf(id: string): number {
  return createHash('sha256').update(id).digest().readUIntBE(0, 6)
}

function objectsIn(value: Json | undefined): JsonObject[] {
  return listOf(value)
    .map(asObject)
    .filter((it) => it !== undefined)
}

function listOf(value: Json | undefined): Json[] {
  return Array.isArray(value) ? value : []
}

function textOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' && value !== '' ? value : undefined
}
