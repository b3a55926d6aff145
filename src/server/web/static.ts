import { createHash } from 'node:crypto'
import type { Context } from 'koa'
import { fail } from '../../base/fault.ts'
import { readAsset } from '../assets.ts'
import { param } from '../http/json.ts'
import { type Local, redirect, www } from '../http/local.ts'

type StaticFile = { readonly place: Local; readonly type: string; readonly bytes: Buffer }

const SCRIPT = 'text/javascript; charset=utf-8'
const TYPES = {
  'icon.svg': 'image/svg+xml',
  'site.css': 'text/css; charset=utf-8',
  'site.js': SCRIPT,
  'passkey.js': SCRIPT,
} as const

const files = new Map(Object.entries(TYPES).map(([name, type]) => [name, read(name, type)]))

/** Where a file of ours lies: its hash is in the path, so that it may be kept for ever. */
export function staticPath(name: keyof typeof TYPES): Local {
  return files.get(name)?.place ?? fail('NOT_FOUND', { what: name })
}

/** `GET /www/static/:hash/:name`. A hash of another release finds this release's file, but not for ever. */
export function serveStatic(ctx: Context): void {
  const file = files.get(param(ctx, 'name')) ?? fail('NOT_FOUND', { what: ctx.path })
  ctx.set('cache-control', ctx.path === file.place.path ? 'public, max-age=31536000, immutable' : 'no-store')
  ctx.set('x-content-type-options', 'nosniff')
  ctx.set('content-type', file.type)
  ctx.body = file.bytes
}

/** `GET /favicon.ico`, for those who ask for it without having seen a page. */
export function serveIcon(ctx: Context): void {
  redirect(ctx, staticPath('icon.svg'))
}

function read(name: string, type: string): StaticFile {
  const bytes = readAsset(`src/server/web/static/${name}`)
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 12)
  return { place: www('static', hash, name), type, bytes }
}
