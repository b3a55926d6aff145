import { randomBytes } from 'node:crypto'
import { setTimeout as wait } from 'node:timers/promises'
import type { Dispatcher } from 'undici'
import { Fault, fail, isFault } from '../base/fault.ts'
import { type Clock, type Millis, seconds, systemClock } from '../base/time.ts'
import { cameVia } from '../base/via.ts'
import { type AgentOptions, openAgent } from './mirror/agent.ts'
import { Breaker } from './mirror/breaker.ts'
import { HostGuard } from './mirror/hosts.ts'
import { type Absent, absence, encodingOf, text } from './mirror/reply.ts'
import { Busy, checkedBody, faultOf, retryAfter } from './mirror/upstream-faults.ts'

export type UpstreamOptions = AgentOptions & {
  /** The registry's address, with or without a path. */
  readonly url: string
  /** Sent as bearer token, to the upstream's own host only. */
  readonly token?: string
  /** Further addresses that its tarballs may come from, where it is not on the public internet or they are not. */
  readonly tarballs?: readonly string[]
  /** Bytes of one reply, as it comes over the wire. */
  readonly limits?: { readonly document?: number; readonly tarball?: number }
  /** How often to ask again when the connection or the server failed. */
  readonly retries?: number
  /** About how long to wait before the first retry; each further one waits twice as long. */
  readonly retryPause?: Millis
  readonly clock?: Clock
}

/** The validators of a copy we hold. */
export type Validators = { readonly etag: string | undefined; readonly lastModified: string | undefined }

export type DocumentAnswer =
  | { readonly kind: 'same' }
  | Absent
  | (Validators & {
      readonly kind: 'fresh'
      /** How `body` is encoded. */
      readonly encoding: 'identity' | 'gzip'
      /** To be read to its end or destroyed. Throws UPSTREAM_…. */
      readonly body: AsyncIterable<Uint8Array>
    })

export type TarballAnswer =
  | Absent
  | {
      readonly kind: 'fresh'
      readonly size: number | undefined
      readonly body: AsyncIterable<Uint8Array>
    }

/** `path` stands below the registry's address. With a body, which is JSON, it is a POST. */
export type ServiceRequest = {
  readonly path: string
  readonly body?: Buffer
  readonly deadline: Millis
  /** Bytes of the reply. */
  readonly limit: number
}

/** Another registry, asked over HTTP. Every method throws UPSTREAM_UNAVAILABLE, UPSTREAM_TIMEOUT or UPSTREAM_INVALID. */
export interface Upstream {
  /** Its address, without a slash at the end. */
  readonly url: string
  /** The one that has packages of this name; itself where there is only one. */
  for(npmName: string): Upstream
  /** Every registry there is behind it; itself where there is only one. */
  readonly origins: readonly Upstream[]
  /** The full packument, if it is another than the one with these validators. */
  document(npmName: string, held: Validators, signal?: AbortSignal): Promise<DocumentAnswer>
  /** A tarball of `what` (for sentences) at an address that the upstream's own document gave. */
  tarball(what: string, address: string, signal?: AbortSignal): Promise<TarballAnswer>
  /** Another service of the registry than its packages; absent: it has none. undefined when it answers anything but 200. */
  service?(request: ServiceRequest): Promise<Buffer | undefined>
  /** Ends every connection, those in use too. */
  close(): Promise<void>
}

type Ask = {
  readonly what: string
  readonly url: URL
  readonly headers: Record<string, string>
  /** Whether what is asked for may lie elsewhere, and come by a redirect from there. */
  readonly isTarball?: true
  readonly signal: AbortSignal | undefined
  /** Sent by POST. */
  readonly body?: Buffer | undefined
}
type Reply = Dispatcher.ResponseData

const MiB = 2 ** 20
const DEFAULT_LIMITS = { document: 128 * MiB, tarball: 2048 * MiB }
const MAX_REDIRECTS = 5
/** A whole document may take this many times the longest silence. */
const DOCUMENT_PATIENCE = 12
/** Registries that a request may come through before it is taken for one that goes in circles. */
const LONGEST_CHAIN = 8
const LOOP_DETECTED = 508
/** Asked to wait longer than this before the retry, we do not retry. */
const LONGEST_PAUSE = seconds(3)

export function createUpstream(options: UpstreamOptions): Upstream {
  return new HttpUpstream(options)
}

class HttpUpstream implements Upstream {
  readonly url: string
  readonly origins: readonly Upstream[] = [this]
  /** Tells our questions from those of others, should they come back to us. */
  readonly #name = `entropic-${randomBytes(6).toString('hex')}`
  readonly #options: UpstreamOptions
  readonly #origin: URL
  readonly #guard: HostGuard
  readonly #breaker: Breaker
  /** By whether they lead to what the operator chose. */
  readonly #agents = new Map<boolean, Promise<Dispatcher>>()

  constructor(options: UpstreamOptions) {
    this.url = options.url.replace(/\/+$/, '')
    this.#options = options
    this.#origin = new URL(this.url)
    this.#guard = new HostGuard(
      this.#origin,
      options.tarballs?.map((it) => new URL(it)),
    )
    this.#breaker = new Breaker(options.clock ?? systemClock)
  }

  for(): Upstream {
    return this
  }

  async document(npmName: string, held: Validators, signal?: AbortSignal): Promise<DocumentAnswer> {
    const deadline = AbortSignal.timeout(this.#options.timeout * DOCUMENT_PATIENCE)
    const reply = await this.#get({
      what: npmName,
      url: new URL(`${this.url}/${encodeURIComponent(npmName).replace(/^%40/, '@')}`),
      headers: {
        accept: 'application/json',
        'accept-encoding': 'gzip',
        ...(held.etag === undefined ? {} : { 'if-none-match': held.etag }),
        ...(held.lastModified === undefined ? {} : { 'if-modified-since': held.lastModified }),
      },
      signal: signal ? AbortSignal.any([signal, deadline]) : deadline,
    })
    const { statusCode, headers } = reply
    if (statusCode === 304) return this.#drop(reply, { kind: 'same' })
    const absent = absence(statusCode)
    if (absent) return this.#drop(reply, absent)
    const encoding = encodingOf(text(headers['content-encoding']))
    if (statusCode !== 200 || !encoding) return this.#refuse(reply, npmName)
    return {
      kind: 'fresh',
      encoding,
      etag: text(headers.etag),
      lastModified: text(headers['last-modified']),
      body: checkedBody(reply.body, npmName, this.#limits.document),
    }
  }

  async tarball(what: string, address: string, signal?: AbortSignal): Promise<TarballAnswer> {
    const url = this.#addressOf(what, address)
    const headers = { accept: '*/*', 'accept-encoding': 'identity' }
    const reply = await this.#get({ what, url, headers, isTarball: true, signal })
    const absent = absence(reply.statusCode)
    if (absent) return this.#drop(reply, absent)
    if (reply.statusCode !== 200) return this.#refuse(reply, what)
    const length = text(reply.headers['content-length'])
    const size = length === undefined ? undefined : Number(length)
    return { kind: 'fresh', size, body: checkedBody(reply.body, what, this.#limits.tarball) }
  }

  async service({ path, body, deadline, limit }: ServiceRequest): Promise<Buffer | undefined> {
    this.#breaker.check(path)
    const reply = await this.#attempt({
      what: path,
      url: new URL(this.url + path),
      headers: {
        accept: 'application/json',
        'accept-encoding': 'identity',
        ...(body && { 'content-type': 'application/json' }),
      },
      signal: AbortSignal.timeout(deadline),
      body,
    })
    if (reply.statusCode !== 200) return this.#drop(reply, undefined)
    return Buffer.concat(await Array.fromAsync(checkedBody(reply.body, path, limit)))
  }

  async close(): Promise<void> {
    const agents = await Promise.all(this.#agents.values())
    await Promise.all(agents.map((agent) => agent.destroy()))
  }

  get #limits() {
    return { ...DEFAULT_LIMITS, ...this.#options.limits }
  }

  #get(ask: Ask): Promise<Reply> {
    return this.#breaker.run(ask.what, () => this.#persist(ask))
  }

  /** Asks, and again after a pause when the connection or the server failed. */
  async #persist(ask: Ask): Promise<Reply> {
    for (let attempt = 0; ; attempt++)
      try {
        return await this.#attempt(ask)
      } catch (error) {
        const pause = this.#pauseAfter(error, attempt)
        if (pause === undefined) throw error
        // Given up while waiting, the next attempt fails at once and says so.
        await wait(pause, undefined, ask.signal ? { signal: ask.signal } : {}).catch(() => undefined)
      }
  }

  async #attempt(ask: Ask): Promise<Reply> {
    try {
      const reply = await this.#follow(ask)
      const { statusCode, headers } = reply
      if (statusCode === LOOP_DETECTED) return await this.#drop(reply, undefined).then(() => loops(ask.what))
      if (statusCode < 500 && statusCode !== 429) return reply
      await reply.body.dump()
      throw new Busy(statusCode, retryAfter(headers['retry-after']))
    } catch (error) {
      throw faultOf(error, ask.what)
    }
  }

  /** How long to wait before trying again; undefined when that would not help. */
  #pauseAfter(error: unknown, attempt: number): Millis | undefined {
    const { retries = 1, retryPause = seconds(0.3) } = this.#options
    if (attempt >= retries || !isFault(error, 'UPSTREAM_UNAVAILABLE')) return undefined
    const asked = error.cause instanceof Busy ? error.cause.retryAfter : undefined
    if (asked !== undefined) return asked > LONGEST_PAUSE ? undefined : asked
    return retryPause * 2 ** attempt * (0.5 + Math.random())
  }

  /** One request and the redirects it meets. */
  async #follow(ask: Ask): Promise<Reply> {
    let { url } = ask
    for (let hops = 0; hops <= MAX_REDIRECTS; hops++) {
      if (ask.isTarball) await this.#guard.check(url)
      else if (url.host !== this.#origin.host)
        invalid(ask.what, `it redirects to "${url.host}", which is not allowed`)
      const reply = await this.#request(ask, url)
      const location = text(reply.headers.location)
      if (reply.statusCode < 301 || reply.statusCode > 308 || reply.statusCode === 304 || !location)
        return reply
      await reply.body.dump()
      url = this.#addressOf(ask.what, location, url)
    }
    return invalid(ask.what, 'it redirects without end')
  }

  async #request(ask: Ask, url: URL): Promise<Reply> {
    const via = cameVia()
    if (via.includes(this.#name) || via.length >= LONGEST_CHAIN) loops(ask.what)
    const { token } = this.#options
    const isOwn = url.host === this.#origin.host
    const agent = await this.#agentFor(url)
    return agent.request({
      method: ask.body ? 'POST' : 'GET',
      ...(ask.body && { body: ask.body }),
      origin: url.origin,
      path: url.pathname + url.search,
      headers: {
        ...ask.headers,
        'user-agent': 'entropic',
        via: [...via, this.#name].map((name) => `1.1 ${name}`).join(', '),
        ...(token !== undefined && isOwn ? { authorization: `Bearer ${token}` } : {}),
      },
      ...(ask.signal ? { signal: ask.signal } : {}),
    })
  }

  #agentFor(url: URL): Promise<Dispatcher> {
    const isChosen = this.#guard.hasChosen(url)
    const agent = this.#agents.get(isChosen) ?? openAgent(this.#options, isChosen ? undefined : this.#guard)
    this.#agents.set(isChosen, agent)
    return agent
  }

  /** Reads an address that the upstream gave. What is asked of a secure upstream is asked securely; old documents say `http:`. */
  #addressOf(what: string, address: string, base?: URL): URL {
    const url = URL.parse(address, base?.href)
    if (!url || !/^https?:$/.test(url.protocol) || url.username !== '')
      return invalid(what, 'it names an address that is none')
    if (this.#origin.protocol === 'https:') url.protocol = 'https:'
    return url
  }

  async #drop<A>(reply: Reply, answer: A): Promise<A> {
    await reply.body.dump()
    return answer
  }

  async #refuse({ body, statusCode, headers }: Reply, what: string): Promise<never> {
    await body.dump()
    if (statusCode === 200) return invalid(what, `it is encoded as "${text(headers['content-encoding'])}"`)
    throw new Fault('UPSTREAM_UNAVAILABLE', { what, why: `it answered ${statusCode}` })
  }
}

function loops(what: string): never {
  return fail('UPSTREAM_LOOP', { what })
}

function invalid(what: string, why: string): never {
  throw new Fault('UPSTREAM_INVALID', { what, why })
}
