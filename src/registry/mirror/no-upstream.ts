import type { Upstream } from '../upstream.ts'

const ABSENT = { kind: 'absent', known: false, why: 'there is no upstream' } as const

/** In the place of an upstream where there is none. */
export const noUpstream: Upstream = {
  url: '',
  for: () => noUpstream,
  origins: [],
  document: async () => ABSENT,
  tarball: async () => ABSENT,
  async close() {},
}
