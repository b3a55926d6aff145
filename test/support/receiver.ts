import { once } from 'node:events'
import { createServer, type IncomingHttpHeaders } from 'node:http'
import type { AddressInfo } from 'node:net'
import { text } from 'node:stream/consumers'

export type Received = { readonly headers: IncomingHttpHeaders; readonly body: string }

/** A server that webhooks lead to; it answers what `status` says. */
export class Receiver implements AsyncDisposable {
  readonly received: Received[] = []
  status = 204
  headers: Record<string, string> = {}
  readonly #server = createServer(async (request, reply) => {
    this.received.push({ headers: request.headers, body: await text(request) })
    reply.writeHead(this.status, this.headers).end()
  })

  static async start(): Promise<Receiver> {
    const receiver = new Receiver()
    receiver.#server.listen(0, '127.0.0.1')
    await once(receiver.#server, 'listening')
    return receiver
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/hook` // listening on TCP
  }

  /** The events heard of, in order. */
  get events(): string[] {
    return this.received.map(({ body }) => JSON.parse(body).event)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }
}
