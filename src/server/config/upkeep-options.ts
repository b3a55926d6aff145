import * as kind from './kinds.ts'
import { option, optional } from './option.ts'

/** What becomes of what is no longer needed. */
export const upkeepOptions = {
  upkeepEvery: option(kind.duration, {
    env: 'UPKEEP_EVERY',
    fallback: '1h',
    about:
      'How often one of the servers clears away what is no longer needed, as gc does and more; 0s: never',
  }),
  auditKeep: optional(kind.duration, {
    env: 'AUDIT_KEEP',
    otherwise: 'for ever',
    about: 'How long the log of what was done to accounts and packages is kept, as in 365d',
  }),
  cacheBudget: optional(kind.size, {
    env: 'CACHE_BUDGET',
    otherwise: 'without limit',
    about: 'Most bytes of mirrored tarballs that upkeep leaves; those not asked for the longest go first',
  }),
  cacheAge: optional(kind.duration, {
    env: 'CACHE_AGE',
    otherwise: 'without limit',
    about: 'How long upkeep leaves a mirrored tarball that nobody asks for',
  }),
} as const
