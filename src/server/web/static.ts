import { createHash } from 'node:crypto'
import type { Context } from 'koa'
import { fail } from '../../base/fault.ts'
import { readAsset } from '../assets.ts'
import { param } from '../http/json.ts'

type StaticFile = { readonly path: string; readonly type: string; readonly bytes: Buffer }

const SCRIPT = 'text/javascript; charset=utf-8'
const TYPES = {
  'icon.svg': 'image/svg+xml',
  'site.css': 'text/css; charset=utf-8',
  'site.js': SCRIPT,
  'passkey.js': SCRIPT,
} as const

const files = new Map(Object.entries(TYPES).map(([name, type]) => [name, read(name, type)]))

/** Where a file of ours lies: its hash is in the path, so that it may be kept for ever. */
export function staticPath(name: keyof typeof TYPES): string {
  return files.get(name)?.path ?? ''
}

/** `GET /www/static/:hash/:name`. A hash of another release finds this release's file, but not for ever. */
export function serveStatic(ctx: Context): void {
  const file = files.get(param(ctx, 'name')) ?? fail('NOT_FOUND', { what: ctx.path })
  ctx.set('cache-control', ctx.path === file.path ? 'public, max-age=31536000, immutable' : 'no-store')
  ctx.set('x-content-type-options', 'nosniff')
  ctx.set('content-type', file.type)
  ctx.body = file.bytes
}

/** `GET /favicon.ico`, for those who ask for it without having seen a page. */
export function serveIcon(ctx: Context): void {
  ctx.redirect(staticPath('icon.svg'))
}

function read(name: string, type: string): StaticFile {
  const bytes = readAsset(`src/server/web/static/${name}`)
  const hash = createHash('sha256').update(bytes).digest('hex').slice(0, 12)
  return { path: `/www/static/${hash}/${name}`, type, bytes }
}
