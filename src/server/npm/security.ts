import type { Context } from 'koa'
import { Fault } from '../../base/fault.ts'
import { fromNpmName } from '../../base/name.ts'
import { seconds } from '../../base/time.ts'
import type { Advice, Installed } from '../../registry/advisories.ts'
import type { Json, JsonObject } from '../../registry/model.ts'
import type { Registry } from '../../registry/registry.ts'
import { objectOf, readObject, textOf } from '../http/body.ts'
import { json, param } from '../http/json.ts'

/** A tree of tens of thousands of packages; after inflating. */
const MAX_TREE = 32 * 1024 * 1024
const MAX_PACKAGES = 50_000
const MAX_DEPTH = 100
/** Installing asks on the side and is not to wait; who runs `audit` came for the answer. */
const [IN_PASSING, ON_PURPOSE] = [seconds(1), seconds(20)]
const SEVERITIES = ['info', 'low', 'moderate', 'high', 'critical']

/** POST /-/npm/v1/security/advisories/bulk `{name: [version]}` */
export async function bulkAdvisories(ctx: Context, registry: Registry): Promise<void> {
  const installed = new Map<string, string[]>()
  for (const [name, versions] of Object.entries(await readObject(ctx.req, MAX_TREE)))
    if (Array.isArray(versions))
      installed.set(
        name,
        versions.filter((one) => typeof one === 'string'),
      )
  json(ctx, 200, await advise(ctx, registry, installed))
}

/** POST /-/npm/v1/security/audits and …/audits/quick: a whole tree, answered in the shape of old (npm 10, pnpm 10). */
export async function quickAudit(ctx: Context, registry: Registry): Promise<void> {
  const tree = await readObject(ctx.req, MAX_TREE)
  const installed = new Map<string, string[]>()
  flatten(tree, installed, 0)
  const advisories = Object.entries(await advise(ctx, registry, installed)).flatMap(([name, list]) =>
    (Array.isArray(list) ? list : []).map((one) => oldAdvisory(name, objectOf(one) ?? {}, installed)),
  )
  const counts = SEVERITIES.map((severity) => [
    severity,
    advisories.filter((advisory) => advisory.severity === severity).length,
  ])
  json(ctx, 200, {
    actions: [],
    advisories: Object.fromEntries(advisories.map((advisory) => [String(advisory.id), advisory])),
    muted: [],
    metadata: {
      vulnerabilities: Object.fromEntries(counts),
      dependencies: installed.size,
      devDependencies: 0,
      optionalDependencies: 0,
      totalDependencies: installed.size,
    },
  })
}

/** GET /-/npm/v1/keys */
export async function showKeys(ctx: Context, registry: Registry): Promise<void> {
  json(ctx, 200, { keys: await registry.keys.list() })
  ctx.set('cache-control', 'public, max-age=300')
}

/** GET /-/npm/v1/attestations/:name@:version */
export async function showAttestations(ctx: Context, registry: Registry): Promise<void> {
  const [, name = '', version = ''] = /^(.+)@([^@]+)$/.exec(param(ctx, 'spec')) ?? []
  ctx.body = await registry.attestations.find(ctx.state.who, fromNpmName(name), version)
  ctx.type = 'application/json'
  ctx.set('cache-control', 'private, max-age=300')
}

async function advise(ctx: Context, registry: Registry, installed: Installed): Promise<JsonObject> {
  if (installed.size > MAX_PACKAGES)
    throw new Fault('BAD_REQUEST', {
      why: `an audit names at most ${MAX_PACKAGES} packages, not ${installed.size}`,
    })
  const patience = ctx.get('npm-command') === 'audit' ? ON_PURPOSE : IN_PASSING
  const { advisories, notice }: Advice = await registry.advisories.find(installed, patience)
  if (notice !== undefined) ctx.set('npm-notice', notice)
  return advisories
}

/** Names and versions of a tree; pnpm sends one of lock files' shape, nested to any depth. */
function flatten({ dependencies }: JsonObject, installed: Map<string, string[]>, depth: number): void {
  if (depth > MAX_DEPTH) return
  for (const [name, value] of Object.entries(objectOf(dependencies) ?? {})) {
    const entry = objectOf(value) ?? {}
    const version = textOf(entry.version)
    const known = installed.get(name) ?? []
    if (version !== undefined && !known.includes(version)) installed.set(name, [...known, version])
    flatten(entry, installed, depth + 1)
  }
}

function oldAdvisory(name: string, advisory: JsonObject, installed: Installed): Record<string, Json> {
  const findings = (installed.get(name) ?? []).map((version) => ({ version, paths: [name] }))
  const range = textOf(advisory.vulnerable_versions) ?? '*'
  return {
    patched_versions: '',
    ...defined(advisory),
    module_name: name,
    vulnerable_versions: range,
    findings,
  }
}

function defined(object: JsonObject): Record<string, Json> {
  return Object.fromEntries(
    Object.entries(object).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  )
}
