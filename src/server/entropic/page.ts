import type { Context } from 'koa'
import { Fault } from '../../base/fault.ts'
import { numberIn } from '../http/query.ts'

const PER_PAGE = 100
const MOST = 1000
/** Documents being made side by side. */
const AT_ONCE = 20

export const PAGE_QUERY = {
  page: 'The page, from 0. Without it and `per_page` the whole list is answered.',
  per_page: `How many objects a page has, 1 to ${MOST}; ${PER_PAGE} when only \`page\` is given.`,
}

export const STATUS_QUERY = {
  status: '`active` (what is in force, as without it) or `pending` (invitations).',
}

export function wantsPending(ctx: Context): boolean {
  const { status = 'active' } = ctx.query
  if (status === 'active' || status === 'pending') return status === 'pending'
  throw new Fault('BAD_REQUEST', { why: '"status" must be "active" or "pending"' })
}

/** `{objects}`: all of them, or, when the query asks for a page, that page with `next`, `prev` and `total`. */
export async function paged<T>(
  ctx: Context,
  all: readonly T[],
  show: (one: T) => unknown,
): Promise<{ objects: unknown[] }> {
  const { page, per_page: perPage } = ctx.query
  if (page === undefined && perPage === undefined) return { objects: await shown(all, show) }
  const size = Math.max(1, numberIn(perPage, 'per_page', { otherwise: PER_PAGE, most: MOST }))
  const index = numberIn(page, 'page', { otherwise: 0, most: Number.MAX_SAFE_INTEGER / MOST })
  const objects = await shown(all.slice(index * size, (index + 1) * size), show)
  const next = (index + 1) * size < all.length
  return Object.assign({ objects }, { next, prev: index > 0, total: all.length })
}

async function shown<T>(some: readonly T[], show: (one: T) => unknown): Promise<unknown[]> {
  const objects: unknown[] = []
  for (let at = 0; at < some.length; at += AT_ONCE)
    objects.push(...(await Promise.all(some.slice(at, at + AT_ONCE).map(show))))
  return objects
}
