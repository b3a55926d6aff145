import type { Context } from 'koa'
import type { WebDoor } from '../door.ts'
import { dependenciesPage } from './dependencies-page.ts'
import { diffPage } from './diff-page.ts'
import { filesPage } from './files-page.ts'
import { mainPage } from './main-page.ts'
import { rawFile } from './raw.ts'
import { headAt, notHere, targetOf } from './target.ts'
import { versionsPage } from './versions-page.ts'

/** Everything below `/www/package/<name>`. */
export async function packagePages(ctx: Context, door: WebDoor): Promise<void> {
  const target = targetOf(ctx.path)
  const head = await headAt(ctx, door, target)
  const [first, second, third, ...more] = target.rest
  if (first === undefined) return mainPage(ctx, door, { head })
  if (first === 'v' && second !== undefined)
    return versionPages(ctx, door, { head, version: second, page: third, path: more.join('/') })
  if (second !== undefined) return notHere(ctx)
  if (first === 'versions') return versionsPage(ctx, door, head)
  if (first === 'dependencies') return dependenciesPage(ctx, door, { head })
  if (first === 'diff') return diffPage(ctx, door, head)
  return notHere(ctx)
}

function versionPages(
  ctx: Context,
  door: WebDoor,
  {
    page,
    path,
    ...place
  }: Parameters<typeof mainPage>[2] & { version: string; page: string | undefined; path: string },
): Promise<void> {
  if (page === undefined) return mainPage(ctx, door, place)
  if (page === 'files') return filesPage(ctx, door, { ...place, path })
  if (page === 'raw') return rawFile(ctx, door, { ...place, path })
  if (page === 'dependencies' && path === '') return dependenciesPage(ctx, door, place)
  return notHere(ctx)
}
