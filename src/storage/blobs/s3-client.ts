import type { Readable } from 'node:stream'
import { setTimeout as pause } from 'node:timers/promises'
import { getCACertificates } from 'node:tls'
import { AwsV4Signer } from 'aws4fetch'
import { Agent, type Dispatcher } from 'undici'
import { type Millis, seconds } from '../../base/time.ts'
import { S3Refusal, S3Unreachable } from './s3-errors.ts'

/** Which bucket of which S3-compatible storage, and who asks. */
export type S3Address = {
  /** `https://host` or `http://host:port`, without path. */
  readonly endpoint: string
  readonly bucket: string
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** `endpoint/bucket/key` instead of `bucket.endpoint/key`. */
  readonly pathStyle: boolean
  /** In front of every key, with its slash at the end; empty for none. */
  readonly prefix: string
  /** Certificates (PEM) to trust beside the system's own. */
  readonly ca?: string
}

export type S3Request = {
  readonly method: 'GET' | 'HEAD' | 'PUT' | 'DELETE'
  /** Below the prefix; absent: the bucket itself. */
  readonly key?: string
  readonly query?: Readonly<Record<string, string>>
  readonly headers?: Readonly<Record<string, string>>
  /** Made anew for each attempt. */
  readonly body?: () => Readable
}

export type S3Response = Dispatcher.ResponseData

const ATTEMPTS = 4
const FIRST_PAUSE: Millis = 100
const CONNECT_TIMEOUT = seconds(5)
/** As long as this, a server may be silent. */
const SILENCE = seconds(30)
const CONNECTIONS = 128

/**
 * Signed requests to one bucket. What can pass is tried again with growing pauses: connections that break, answers of 5xx and 429;
 * not silence, which has lasted long enough.
 * Throws S3Refusal for any other answer that is not 2xx, S3Unreachable when there was none.
 */
export class S3Client {
  readonly #address: S3Address
  readonly #agent: Agent
  /** Signing keys, which change once a day. */
  readonly #keys = new Map<string, ArrayBuffer>()

  constructor(address: S3Address) {
    this.#address = address
    this.#agent = new Agent({
      connections: CONNECTIONS,
      headersTimeout: SILENCE,
      bodyTimeout: SILENCE,
      connect: { timeout: CONNECT_TIMEOUT, ...(address.ca && { ca: [...getCACertificates(), address.ca] }) },
    })
  }

  /** Undefined when there is no such object. The caller reads or dumps the body. */
  async send(request: S3Request): Promise<S3Response | undefined> {
    for (let attempt = 1; ; attempt += 1) {
      try {
        return await this.#attempt(request)
      } catch (error) {
        const canPass = (error instanceof S3Unreachable || error instanceof S3Refusal) && error.canPass
        if (!canPass || attempt === ATTEMPTS) throw error
      }
      // Anything between half of the pause and the whole, so that those who failed together do not return together.
      await pause(FIRST_PAUSE * 2 ** (attempt - 1) * (0.5 + Math.random() / 2))
    }
  }

  /** An address by which whoever has it may GET the object until `lifetime` is over. */
  async link(key: string, lifetime: Millis): Promise<string> {
    const url = this.#url({ method: 'GET', key, query: { 'X-Amz-Expires': String(lifetime / 1000) } })
    const { url: signed } = await this.#signer({ url, method: 'GET', signQuery: true }).sign()
    return signed.href
  }

  /** Breaks off what is under way. */
  close(): Promise<void> {
    return this.#agent.destroy()
  }

  async #attempt(request: S3Request): Promise<S3Response | undefined> {
    const { method, headers = {} } = request
    const url = this.#url(request)
    const signed = await this.#signer({ url, method, headers }).sign()
    const body = request.body?.() ?? null
    const response = await this.#agent
      .request({
        origin: url.origin,
        path: url.pathname + url.search,
        method,
        headers: Object.fromEntries(signed.headers),
        body,
      })
      .catch((error: unknown) => {
        body?.destroy()
        throw new S3Unreachable(this.#address.endpoint, error)
      })
    const { statusCode } = response
    if (statusCode >= 200 && statusCode < 300) return response
    const refusal = new S3Refusal(statusCode, await response.body.text().catch(() => ''))
    // A HEAD has no body to say what is absent; anything else does, and a bucket that is gone holds everything back.
    if (statusCode === 404 && (method === 'HEAD' || refusal.code === 'NoSuchKey')) return undefined
    throw refusal
  }

  #url({ key, query = {} }: S3Request): URL {
    const { endpoint, bucket, pathStyle, prefix } = this.#address
    const url = new URL(endpoint)
    if (!pathStyle) url.hostname = `${bucket}.${url.hostname}`
    const path = key === undefined ? '' : `${prefix}${key}`
    url.pathname = pathStyle ? `/${bucket}${path && `/${path}`}` : `/${path}`
    for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
    return url
  }

  #signer(parts: { url: URL; method: string; headers?: Record<string, string>; signQuery?: boolean }) {
    const { accessKeyId, secretAccessKey, region } = this.#address
    return new AwsV4Signer({
      ...parts,
      url: parts.url.href,
      accessKeyId,
      secretAccessKey,
      region,
      service: 's3',
      cache: this.#keys,
    })
  }
}
