import type { Context } from 'koa'
import type { PackageHead } from '../../../registry/model.ts'
import { type Answer, isCurrent, reply } from '../../http/answer.ts'
import type { WebDoor } from '../door.ts'
import { notHere } from './target.ts'

const IMAGES: Readonly<Record<string, string>> = {
  ...{ png: 'image/png', jpg: 'image/jpeg', jpeg: 'image/jpeg', gif: 'image/gif' },
  ...{ webp: 'image/webp', avif: 'image/avif', svg: 'image/svg+xml', ico: 'image/x-icon' },
}

/** The media type of a picture, by its name. */
export function imageType(path: string): string | undefined {
  return IMAGES[path.slice(path.lastIndexOf('.') + 1).toLowerCase()]
}

/**
 * `…/v/<version>/raw/<path>`: a file's bytes, as a picture or as plain text and nothing else. They are a stranger's on our origin: the
 * sandbox takes every right from whatever a browser might still make of them.
 */
export async function rawFile(
  ctx: Context,
  { registry: { contents } }: WebDoor,
  { head, version, path }: { head: PackageHead; version: string; path: string },
): Promise<void> {
  const file = (await contents.files(head, version)).find((it) => it.path === path) ?? notHere(ctx)
  const etag = `"${file.digest}"`
  const headers = {
    'content-type': imageType(path) ?? 'text/plain; charset=utf-8',
    'content-security-policy': "default-src 'none'; style-src 'unsafe-inline'; sandbox",
    'x-content-type-options': 'nosniff',
    'cache-control': 'private, no-cache',
    etag,
  }
  const answer: Answer = isCurrent(ctx.req, etag)
    ? { status: 304, headers }
    : {
        status: 200,
        headers: { ...headers, 'content-length': file.size },
        body: () => contents.open(file.digest),
      }
  await reply(ctx, answer)
}
