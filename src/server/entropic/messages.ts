import type { Context } from 'koa'
import type { Detail, Fault, FaultCode } from '../../base/fault.ts'
import type { Envelope } from '../http/faults.ts'

/** How faults are worded here, where the original's words are not the registry's. Clients print these. */
export type Wording = { readonly [C in FaultCode]?: (detail: Detail<C>, ctx: Context) => string }

const ANYWHERE: Wording = {
  VERSION_EXISTS: (d) => `Cannot publish over previously-published "${d.spec} at ${d.version}".`,
}

const ROOT = /^\/v1\/?$/

/** What routes say instead, each in the original's words (the missing quote is its own). */
export const wordings = {
  nowhere: {
    NOT_FOUND: (_, ctx) =>
      ROOT.test(ctx.path) ? `What there is stands in ${ctx.state.root}/v1/openapi.json` : 'Not found',
  },
  package: {
    PACKAGE_NOT_FOUND: (d) => `"${d.spec}" does not exist.`,
    INVALID_NAME: (d) => `Invalid package name "${d.name}": ${d.why}`,
  },
  version: {
    PACKAGE_NOT_FOUND: (d, ctx) => `Could not find "${d.spec} at ${ctx.params.version}"`,
  },
  publish: {
    PACKAGE_NOT_FOUND: (d) => `"${d.spec} does not exist. Create it!`,
  },
  maintainer: {
    PACKAGE_NOT_FOUND: (d) => `"${d.spec}" does not exist.`,
    NOT_FOUND: (d) => `${d.what} does not exist.`,
  },
  maintainerInvite: {
    PACKAGE_NOT_FOUND: (d) => `"${d.spec}" not found.`,
    NOT_FOUND: (d) => `${d.what} not found.`,
  },
  maintainerAnswer: {
    PACKAGE_NOT_FOUND: (d) => `Package ${d.spec} not found`,
    NOT_FOUND: (d) => `${d.what} not found`,
    NOT_A_MEMBER: (d) => `You cannot act on behalf of ${d.namespace}`,
  },
  namespace: {
    NOT_FOUND: (d, ctx) => `${asSent(d.what, ctx)} does not exist.`,
    NOT_A_MEMBER: (d, ctx) => `You cannot act on behalf of ${asSent(d.namespace, ctx)}`,
  },
  member: {
    NOT_FOUND: (d, ctx) => {
      const sent = asSent(d.what, ctx)
      return sent === ctx.params.namespace ? `${sent} does not exist.` : `${sent} not found.`
    },
    NOT_A_MEMBER: (d, ctx) => `You cannot act on behalf of ${asSent(d.namespace, ctx)}`,
  },
  memberAnswer: {
    NOT_FOUND: (d, ctx) =>
      d.what === 'invitation' ? 'invitation not found' : `${asSent(d.what, ctx)} does not exist.`,
  },
  user: {
    NOT_FOUND: (d, ctx) => `${ctx.params.user ?? d.what} not found`,
  },
} satisfies Record<string, Wording>

/** `ns@host` where the path has it so: the registry knows its own namespaces by their bare names. */
function asSent(name: string, ctx: Context): string {
  const sent = String(ctx.params.namespace)
  return sent === name || sent.startsWith(`${name}@`) ? sent : name
}

/** Statuses that differ from the registry's: its VERSION_EXISTS is npm's 403. */
const STATUSES: { readonly [C in FaultCode]?: number } = { VERSION_EXISTS: 409 }

/** The original's `{"message", "code"}`. */
export const entropicEnvelope: Envelope = (fault, ctx) => {
  if (fault.code === 'UNAUTHENTICATED') return unauthenticated(fault, ctx)
  // Where a row has a wording of its own, the router left it there.
  const own = (ctx.state.wording ?? {}) as Wording
  // A fault's detail is that of its code; TypeScript cannot follow the pairing through an index.
  const say = (own[fault.code] ?? ANYWHERE[fault.code]) as ((d: object, ctx: Context) => string) | undefined
  const message = say ? say(fault.detail, ctx) : fault.message
  return { status: STATUSES[fault.code] ?? fault.status, body: { message, code: fault.code } }
}

/** Nobody, or a token that is no longer good: 403. What never was a token of ours: 401, so that clients drop it. */
function unauthenticated(fault: Fault, ctx: Context) {
  const secret = ctx.get('authorization').replace(/^bearer\s+/i, '')
  // `ds` without a token sends the word undefined.
  const foreign = secret !== '' && secret !== 'undefined' && !secret.startsWith('ent_')
  const message = foreign ? 'Your auth token is not a valid entropic token.' : fault.message
  return { status: foreign ? 401 : 403, body: { message, code: fault.code } }
}
