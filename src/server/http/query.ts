import { Fault } from '../../base/fault.ts'

/** A whole number of the query, cut to `most`. BAD_REQUEST. */
export function numberIn(
  value: string | string[] | undefined,
  name: string,
  limits: { otherwise: number; most: number },
): number {
  if (value === undefined || value === '') return limits.otherwise
  if (typeof value === 'string' && /^\d{1,15}$/.test(value)) return Math.min(Number(value), limits.most)
  throw new Fault('BAD_REQUEST', { why: `"${name}" must be a whole number, 0 or more` })
}
