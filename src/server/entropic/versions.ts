import type { Context } from 'koa'
import { Fault } from '../../base/fault.ts'
import { npmNameOf } from '../../base/name.ts'
import type { Registry } from '../../registry/registry.ts'
import { readObject } from '../http/body.ts'
import { json, param } from '../http/json.ts'
import { parseDependencies } from './dependencies.ts'
import { document, message } from './document.ts'
import { versionDocument } from './documents.ts'
import { wordings } from './messages.ts'
import { readUpload } from './multipart.ts'
import type { Route } from './route.ts'
import { PACKAGE, packageOf, specIn } from './targets.ts'

const SMALL_BODY = 64 * 1024
const VERSION = `${PACKAGE}/versions/:version`

export const versionRoutes: readonly Route[] = [
  {
    method: 'GET',
    path: VERSION,
    summary: 'A version: its files, its dependencies. Yanked ones too.',
    answers: { 200: 'Version', 304: '' },
    wording: wordings.version,
    handle: show,
  },
  {
    method: 'PUT',
    path: VERSION,
    summary: 'Publishes a version, file by file.',
    answers: { 201: 'Version' },
    body: 'multipart/form-data',
    wording: wordings.publish,
    handle: publish,
  },
  {
    method: 'DELETE',
    path: VERSION,
    summary: 'Yanks a version: it is no longer offered, and stays downloadable.',
    answers: { 200: 'Message' },
    wording: wordings.package,
    handle: (ctx, registry) => yank(ctx, registry, { yanked: true }),
  },
  {
    method: 'PATCH',
    path: VERSION,
    summary: 'Yanks a version, or takes that back.',
    answers: { 200: 'Message' },
    body: 'VersionSettings',
    wording: wordings.package,
    handle: change,
  },
]

async function show(ctx: Context, registry: Registry): Promise<void> {
  const head = await registry.packages.headExactly(ctx.state.who, packageOf(ctx, registry))
  document(ctx, await versionDocument(registry, head, param(ctx, 'version')))
}

async function publish(ctx: Context, registry: Registry): Promise<void> {
  const caller = await ctx.state.who()
  const target = {
    name: packageOf(ctx, registry),
    version: param(ctx, 'version'),
    missing: 'refuse',
  } as const
  await registry.versions.mayPublish(caller, target)
  const { files: most, tarball: bytes } = registry.limits
  const { fields, files } = await readUpload(ctx.req, {
    limits: { files: most, bytes },
    ingest: (content) => registry.ingest(caller, content),
  })
  const dependencies = parseDependencies(fields, registry.host())
  const { head, version } = await registry.versions.publish(caller, {
    ...target,
    manifest: { ...dependencies.npm, name: npmNameOf(target.name), version: target.version },
    dependencies: dependencies.canonical,
    tags: [],
    readme: undefined,
    content: { kind: 'files', files },
  })
  json(ctx, 201, await versionDocument(registry, head, version))
}

async function change(ctx: Context, registry: Registry): Promise<void> {
  const caller = await ctx.state.who()
  registry.access.writer(caller)
  const { yanked } = await readObject(ctx.req, SMALL_BODY)
  if (typeof yanked !== 'boolean')
    throw new Fault('BAD_REQUEST', { why: 'the body must be a JSON object like {"yanked": false}' })
  await yank(ctx, registry, { yanked })
}

async function yank(ctx: Context, registry: Registry, { yanked }: { yanked: boolean }): Promise<void> {
  const version = param(ctx, 'version')
  await registry.versions.yank(await ctx.state.who(), packageOf(ctx, registry), { version, yanked })
  message(ctx, `${specIn(ctx, registry)} at ${version} ${yanked ? 'was yanked' : 'is offered again'}.`)
}
