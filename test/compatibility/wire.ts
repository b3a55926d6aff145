import { once } from 'node:events'
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

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

/** Stands between a client and the registry: it notes every request and can answer in the registry's place. */
export class Wire implements AsyncDisposable {
  readonly heard: Heard[] = []
  /** Asked before each request is passed on. */
  interrupt: Interruption = () => false
  /** Sees each reply once the registry has answered; `true` when it has answered the client itself. */
  replace: (incoming: IncomingMessage, reply: ServerResponse) => boolean = () => false
  readonly #server
  readonly #target: URL

  private constructor(target: string) {
    this.#target = new URL(target)
    this.#server = createServer((incoming, reply) => this.#pass(incoming, reply))
  }

  static async to(target: string): Promise<Wire> {
    const wire = new Wire(target)
    wire.#server.listen(0, '127.0.0.1')
    await once(wire.#server, 'listening')
    return wire
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}` // listening on TCP
  }

  /** The requests whose path matches, method first: `GET /dep-a`. */
  lines(pattern: RegExp = /./): string[] {
    return this.heard.map(({ method, path }) => `${method} ${path}`).filter((line) => pattern.test(line))
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
    const { hostname, port } = this.#target
    // The Host header stays the client's, so that addresses in documents lead back through here.
    const options = { hostname, port, method: incoming.method, path: incoming.url, headers: incoming.headers }
    const onward = request(options, (answer) => {
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
}
