import { createHash } from 'node:crypto'
import type { JSONWebKeySet, JWTPayload } from 'jose'
import { Fault, isFault } from '../../base/fault.ts'
import { SingleFlight } from '../../base/single-flight.ts'
import { hours, type Millis, minutes, seconds } from '../../base/time.ts'
import type { Context } from '../context.ts'
import type { Network } from '../network.ts'
import type { Upstream } from '../upstream.ts'
import type { TrustType } from './rules.ts'

/** Whose identity tokens are believed, and what sort of build server it is. */
export type Issuer = { readonly type: TrustType; readonly url: string }
export type IssuersOptions = {
  readonly issuers: readonly Issuer[]
  /** A way to ask the server at an address. */
  readonly connect: (url: string) => Upstream
}

/** What a believed identity token says. */
export type Identity = {
  readonly issuer: Issuer
  readonly claims: Readonly<JWTPayload>
  /** Tells this token from all others of its issuer. */
  readonly jti: string
  readonly expiresAt: Millis
}

/** A token with a good signature that is no good here all the same; `claims` are the issuer's own words. */
export class Unacceptable extends Error {
  readonly claims: JWTPayload

  constructor(why: string, claims: JWTPayload) {
    super(why)
    this.claims = claims
  }
}

/** Loaded with the first identity token: most registries never see one. */
const jose = () => import('jose')

const ALGORITHMS = ['RS256', 'RS384', 'RS512', 'PS256', 'ES256', 'ES384', 'EdDSA']
const SKEW = seconds(30)
const LONGEST_TOKEN = 16 * 1024
const PATIENCE = seconds(10)
const LARGEST_DOCUMENT = 256 * 1024
const KEYS_KEPT = hours(1)
/** A key nobody knows may be a new one: so often we look again. */
const LOOK_AGAIN = minutes(1)

type Keys = { readonly set: JSONWebKeySet; readonly at: Millis }

/** Checks identity tokens of build servers against the keys that these publish. */
export class Issuers {
  readonly #context: Context
  readonly #network: Network
  readonly #options: IssuersOptions
  readonly #keys = new Map<string, Keys>()
  readonly #fetching = new SingleFlight<Keys>()

  constructor(context: Context, network: Network, options: IssuersOptions) {
    this.#context = context
    this.#network = network
    this.#options = options
  }

  /** UNAUTHENTICATED for what is no token of an issuer known here; Unacceptable for one that is not meant for us, or not now. */
  async verify(token: string): Promise<Identity> {
    const iss = token.length > LONGEST_TOKEN ? undefined : await issuerIn(token)
    const issuer = this.#options.issuers.find((one) => iss !== undefined && speaksFor(one, iss))
    if (!issuer || iss === undefined)
      throw new Fault('UNAUTHENTICATED', { why: `Identity tokens of "${iss ?? '?'}" are not taken here.` })
    const claims = await this.#check(token, iss)
    const jti = claims.jti ?? createHash('sha256').update(token).digest('hex')
    return { issuer, claims, jti, expiresAt: (claims.exp ?? 0) * 1000 + SKEW }
  }

  async #check(token: string, iss: string): Promise<JWTPayload> {
    const known = await this.#keysOf(iss, KEYS_KEPT)
    try {
      return await this.#verify(token, iss, known)
    } catch (error) {
      const { errors } = await jose()
      if (!(error instanceof errors.JWKSNoMatchingKey)) throw await refusal(error)
    }
    try {
      return await this.#verify(token, iss, await this.#keysOf(iss, LOOK_AGAIN))
    } catch (error) {
      throw await refusal(error)
    }
  }

  async #verify(token: string, iss: string, { set }: Keys): Promise<JWTPayload> {
    const { createLocalJWKSet, jwtVerify } = await jose()
    const now = this.#context.clock.now()
    const { payload } = await jwtVerify(token, createLocalJWKSet(set), {
      issuer: iss,
      algorithms: ALGORITHMS,
      requiredClaims: ['exp', 'iat', 'aud'],
      clockTolerance: SKEW / 1000,
      currentDate: new Date(now),
    })
    if ((payload.iat ?? 0) * 1000 > now + SKEW) throw new Unacceptable('it was issued in the future', payload)
    const { hostname } = new URL(`http://${this.#context.host()}`)
    const audiences = [payload.aud ?? []].flat()
    // npm names the host alone, others with the port.
    if (!audiences.some((one) => one.replace(/:\d+$/, '') === `npm:${hostname}`))
      throw new Unacceptable(`it is meant for "${audiences.join(', ')}", this is "npm:${hostname}"`, payload)
    return payload
  }

  /** The issuer's keys, not older than `age`; older ones while it cannot be asked. */
  async #keysOf(iss: string, age: Millis): Promise<Keys> {
    const held = this.#keys.get(iss)
    if (held && this.#context.clock.now() - held.at < age) return held
    try {
      const keys = await this.#fetching.run(iss, () => this.#fetchKeys(iss))
      this.#keys.set(iss, keys)
      return keys
    } catch (error) {
      if (held && isFault(error)) return held
      throw error
    }
  }

  async #fetchKeys(iss: string): Promise<Keys> {
    if (await this.#network.isOffline())
      throw new Fault('UNAVAILABLE', { why: `The registry is offline and has no keys of ${iss}.` })
    const { origin, pathname } = new URL(iss)
    const server = this.#options.connect(origin)
    try {
      const document = await read(
        server,
        `${pathname.replace(/\/$/, '')}/.well-known/openid-configuration`,
        iss,
      )
      const address = URL.parse(String(document.jwks_uri), iss)
      if (address?.origin !== origin) return unusable(iss, 'its keys lie on another server')
      const set = await read(server, address.pathname + address.search, iss)
      if (!Array.isArray(set.keys)) return unusable(iss, 'it has no keys')
      return { set: { keys: set.keys }, at: this.#context.clock.now() }
    } finally {
      await server.close()
    }
  }
}

async function read(server: Upstream, path: string, iss: string): Promise<Record<string, unknown>> {
  const bytes = await server.service?.({ path, deadline: PATIENCE, limit: LARGEST_DOCUMENT })
  if (!bytes) return unusable(iss, `it has no ${path}`)
  try {
    const document: unknown = JSON.parse(bytes.toString())
    // An object has unknown members; whoever uses one looks at it first.
    if (typeof document === 'object' && document !== null) return document as Record<string, unknown>
  } catch {
    // Said below.
  }
  return unusable(iss, `${path} is not JSON`)
}

function unusable(iss: string, why: string): never {
  throw new Fault('UPSTREAM_INVALID', { what: `the keys of ${iss}`, why })
}

/** CircleCI has an issuer for each organisation. */
function speaksFor({ type, url }: Issuer, iss: string): boolean {
  if (iss === url || iss === `${url}/`) return true
  return type === 'circleci' && iss.startsWith(`${url}/org/`) && /^[\w-]+$/.test(iss.slice(url.length + 5))
}

async function issuerIn(token: string): Promise<string | undefined> {
  const { decodeJwt } = await jose()
  try {
    return decodeJwt(token).iss
  } catch {
    return undefined
  }
}

async function refusal(error: unknown): Promise<unknown> {
  const { errors } = await jose()
  if (error instanceof errors.JWTExpired || error instanceof errors.JWTClaimValidationFailed)
    return new Unacceptable(error.message, error.payload)
  if (!(error instanceof errors.JOSEError)) return error
  return new Fault(
    'UNAUTHENTICATED',
    { why: `The identity token is no good: ${error.message}` },
    { cause: error },
  )
}
