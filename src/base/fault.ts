/**
 * Every failure a caller can cause, in one table: its code, its HTTP status and its sentence. A sentence says
 * what was wrong and, where that helps, what is allowed. Doors turn a Fault into their own envelope; nothing
 * else in the code writes an error status.
 */
export const faults = {
  BAD_REQUEST: { status: 400, say: (d: { why: string }) => d.why },
  INVALID_NAME: {
    status: 400,
    say: (d: { name: string; why: string }) => `Invalid name "${d.name}": ${d.why}`,
  },
  INVALID_VERSION: {
    status: 400,
    say: (d: { version: string; clean: string | null }) =>
      `"${d.version}" is not valid semver; ${d.clean === null ? 'a version has three numbers, as in 1.2.3, and may go on as in 1.2.3-beta.1' : `try "${d.clean}" instead`}.`,
  },
  INVALID_TAG: { status: 400, say: (d: { tag: string; why: string }) => `Invalid tag "${d.tag}": ${d.why}` },
  INVALID_DEPENDENCY: {
    status: 400,
    say: (d: { field: string; name: string; why: string }) => `Invalid ${d.field} "${d.name}": ${d.why}`,
  },
  INVALID_PATH: {
    status: 400,
    say: (d: { path: string; why: string }) => `Invalid path "${d.path}": ${d.why}`,
  },
  INVALID_TARBALL: { status: 400, say: (d: { why: string }) => `The tarball cannot be accepted: ${d.why}` },
  INTEGRITY_MISMATCH: {
    status: 400,
    say: (d: { expected: string; actual: string }) =>
      `The content does not match its integrity: ${d.expected} was promised, ${d.actual} arrived.`,
  },
  UNAUTHENTICATED: {
    status: 401,
    say: (d: { why?: string }) => d.why ?? 'You must be logged in to perform this action',
  },
  /** npm asks for the code, or opens `authUrl` and polls `doneUrl` where they are given, and repeats the request. */
  OTP_REQUIRED: {
    status: 401,
    say: (_: { authUrl?: string; doneUrl?: string }) =>
      'This needs a one-time password from your authenticator, or a recovery code.',
  },
  /** As UNAUTHENTICATED, without asking for a token, which would make npm speak of tokens instead of saying this. */
  WRONG_PASSWORD: { status: 401, say: (d: { why: string }) => d.why },
  FORBIDDEN: { status: 403, say: (d: { why: string }) => d.why },
  NOT_A_MAINTAINER: {
    status: 403,
    say: (d: { spec: string }) => `You are not a maintainer of "${d.spec}"`,
  },
  NOT_A_MEMBER: {
    status: 403,
    say: (d: { namespace: string }) => `You are not a member of "${d.namespace}"`,
  },
  REMOTE_HOST: {
    status: 403,
    say: (d: { host: string }) => `Cannot modify packages for remote host "${d.host}"`,
  },
  READ_ONLY_TOKEN: {
    status: 403,
    say: () => 'This token may only read. Use a token with the right to publish.',
  },
  NAME_IS_UPSTREAM: {
    status: 403,
    say: (d: { name: string }) =>
      `"${d.name}" is a package of the upstream registry. Choose another name, or ask an administrator to claim this one.`,
  },
  VERSION_EXISTS: {
    status: 403,
    say: (d: { spec: string; version: string }) =>
      `You cannot publish over the previously published versions: ${d.version}.`,
  },
  NOT_FOUND: {
    status: 404,
    say: (d: { what: string; why?: string }) => `Could not find "${d.what}"${d.why ? `: ${d.why}` : ''}`,
  },
  PACKAGE_NOT_FOUND: {
    status: 404,
    say: (d: { spec: string; why?: string }) => `Could not find "${d.spec}"${d.why ? `: ${d.why}` : ''}`,
  },
  VERSION_NOT_FOUND: {
    status: 404,
    say: (d: { spec: string; version: string }) => `Could not find "${d.spec} at ${d.version}"`,
  },
  METHOD_NOT_ALLOWED: {
    status: 405,
    say: (d: { method: string; allowed: readonly string[] }) =>
      `${d.method} is not possible here; allowed: ${d.allowed.join(', ')}`,
  },
  CONFLICT: { status: 409, say: (d: { why: string }) => d.why },
  STALE_REVISION: {
    status: 409,
    say: (d: { spec: string }) => `"${d.spec}" was changed meanwhile. Fetch it again and repeat the change.`,
  },
  GONE: { status: 410, say: (d: { why: string }) => d.why },
  TOO_LARGE: {
    status: 413,
    say: (d: { what: string; limit: number }) => `${d.what} is larger than the limit of ${d.limit} bytes`,
  },
  UNSUPPORTED_MEDIA: { status: 415, say: (d: { why: string }) => d.why },
  TOO_MANY_REQUESTS: {
    status: 429,
    say: (d: { seconds: number }) => `Too many attempts. Try again in ${d.seconds} seconds.`,
  },
  INTERNAL: {
    status: 500,
    say: (d: { id: string }) => `The registry failed. Tell its administrator this request id: ${d.id}`,
  },
  UPSTREAM_INVALID: {
    status: 502,
    say: (d: { what: string; why: string }) =>
      `The upstream registry's answer for ${d.what} is unusable: ${d.why}`,
  },
  UPSTREAM_UNAVAILABLE: {
    status: 502,
    say: (d: { what: string; why: string }) =>
      `${d.what} is not stored here and the upstream registry failed: ${d.why}`,
  },
  UPSTREAM_TIMEOUT: {
    status: 504,
    say: (d: { what: string; why: string }) =>
      `${d.what} is not stored here and the upstream registry did not answer in time: ${d.why}`,
  },
  UPSTREAM_LOOP: {
    status: 508,
    say: (d: { what: string }) =>
      `${d.what} is not stored here, and the upstream registries lead back to this one: of those that ask each other, one has to ask elsewhere.`,
  },
  UNAVAILABLE: { status: 503, say: (d: { why: string }) => d.why },
} as const

export type FaultCode = keyof typeof faults
export type Detail<C extends FaultCode> =
  Parameters<(typeof faults)[C]['say']> extends [infer D] ? D : Record<never, never>

/** A failure that a caller caused or must be told about; the only exception that crosses a floor on purpose. */
export class Fault<C extends FaultCode = FaultCode> extends Error {
  readonly code: C
  readonly detail: Detail<C>

  constructor(code: C, detail: Detail<C>, options?: { cause?: unknown }) {
    // The table pairs each code with the detail its sentence takes; TypeScript cannot follow that pairing through an index.
    const say = faults[code].say as (detail: Detail<C>) => string
    super(say(detail), options)
    this.name = 'Fault'
    this.code = code
    this.detail = detail
  }

  get status(): number {
    return faults[this.code].status
  }
}

/** Throws a Fault where an expression is wanted: `find(x) ?? fail('NOT_FOUND', { what: x })`. */
export function fail<C extends FaultCode>(code: C, detail: Detail<C>): never {
  throw new Fault(code, detail)
}

/** Tells whether `error` is a Fault of one of these codes (of any, when none is named). */
export function isFault<C extends FaultCode>(error: unknown, ...codes: C[]): error is Fault<C> {
  return error instanceof Fault && (codes.length === 0 || (codes as FaultCode[]).includes(error.code))
}
