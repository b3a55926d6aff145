import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'
import type { PublishDocument } from '../support/npm-user.ts'

export type Heard = {
  readonly method: string
  /** As sent: not decoded, with the query. */
  readonly path: string
  readonly headers: IncomingMessage['headers']
  readonly status: number
  /** Of the reply, as it went over the wire. */
  readonly bytes: number
}

/** Answers instead of the registry, and tells so by `true`. */
export type Interruption = (incoming: IncomingMessage, reply: ServerResponse) => boolean

export type WireOptions = {
  /** A path the registry is mounted under, `/npm/private`; it is taken off on the way there. */
  readonly under?: string
  /** Speaks TLS to clients, and tells the registry so, as a proxy does. */
  readonly tls?: {
    readonly key: string
    readonly cert: string
    /** Only clients with a certificate by this authority are let in. */
    readonly clientsOf?: string
  }
}

/** Stands between a client and the registry: it notes every request and can answer in the registry's place. */
export class Wire implements AsyncDisposable {
  readonly heard: Heard[] = []
  /** Asked before each request is passed on. */
  interrupt: Interruption = () => false
  /** Sees each reply once the registry has answered; `true` when it has answered the client itself. */
  replace: (incoming: IncomingMessage, reply: ServerResponse) => boolean = () => false
  readonly #server
  readonly #options: WireOptions
  #target: URL | undefined

  private constructor(options: WireOptions) {
    const listener = (incoming: IncomingMessage, reply: ServerResponse) => this.#pass(incoming, reply)
    this.#options = options
    this.#server = options.tls ? createTlsServer(tlsOptions(options.tls), listener) : createServer(listener)
  }

  /** Listens, and leads nowhere yet: a registry may have to be told its public address first. */
  static async open(options: WireOptions = {}): Promise<Wire> {
    const wire = new Wire(options)
    wire.#server.listen(0, '127.0.0.1')
    await once(wire.#server, 'listening')
    return wire
  }

  leadTo(target: string): void {
    this.#target = new URL(target)
  }

  /** The registry's address as clients have it, with the path it is mounted under. */
  get url(): string {
    const { port } = this.#server.address() as AddressInfo // listening on TCP
    return `${this.#options.tls ? 'https' : 'http'}://127.0.0.1:${port}${this.#options.under ?? ''}`
  }

  /** The requests whose path matches, method first: `GET /dep-a`. */
  lines(pattern: RegExp = /./): string[] {
    return this.heard.map(({ method, path }) => `${method} ${path}`).filter((line) => pattern.test(line))
  }

  /** Lets somebody change each document that clients send by PUT before it goes on; whether it is packed is lost. */
  tamper(edit: (document: PublishDocument) => unknown): void {
    this.interrupt = (incoming, reply) => {
      if (incoming.method !== 'PUT') return false
      void this.#changed(incoming, reply, edit)
      return true
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }

  #pass(incoming: IncomingMessage, reply: ServerResponse): void {
    let bytes = 0
    const note = () =>
      this.heard.push({
        method: incoming.method ?? '',
        path: incoming.url ?? '',
        headers: incoming.headers,
        status: reply.statusCode,
        bytes,
      })
    reply.once('close', note)
    if (this.interrupt(incoming, reply)) return
    const onward = request(this.#onward(incoming), (answer) => {
      answer.on('data', (chunk: Buffer) => {
        bytes += chunk.length
      })
      if (this.replace(incoming, reply)) return void answer.resume()
      reply.writeHead(answer.statusCode ?? 502, answer.statusMessage, answer.headers)
      answer.pipe(reply)
    })
    onward.on('error', () => reply.destroy())
    incoming.pipe(onward)
  }

  async #changed(
    incoming: IncomingMessage,
    reply: ServerResponse,
    edit: (document: PublishDocument) => unknown,
  ): Promise<void> {
    const document = JSON.parse(await text(incoming))
    await edit(document)
    const { hostname, port, method, path, headers } = this.#onward(incoming)
    const body = Buffer.from(JSON.stringify(document))
    const sent = { ...headers, 'content-length': body.length }
    const onward = request({ hostname, port, method, path, headers: sent }, (answer) => {
      reply.writeHead(answer.statusCode ?? 502, answer.statusMessage, answer.headers)
      answer.pipe(reply)
    })
    onward.on('error', () => reply.destroy())
    onward.end(body)
  }

  #onward({ method, url = '/', headers }: IncomingMessage) {
    const { under = '', tls } = this.#options
    const { hostname, port } = this.#target ?? new URL('http://127.0.0.1:1')
    const path = url.startsWith(`${under}/`) ? url.slice(under.length) : url
    // The Host header stays the client's, so that addresses in documents lead back through here.
    const forwarded = tls && { 'x-forwarded-proto': 'https', 'x-forwarded-host': headers.host }
    return { hostname, port, method, path, headers: { ...headers, ...forwarded } }
  }
}

function tlsOptions({ key, cert, clientsOf }: NonNullable<WireOptions['tls']>) {
  return { key, cert, ...(clientsOf !== undefined && { ca: clientsOf, requestCert: true }) }
}
