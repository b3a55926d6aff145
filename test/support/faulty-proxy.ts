import { once } from 'node:events'
import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net'
import { createServer as createTlsServer, type TlsOptions } from 'node:tls'

/** What goes wrong on the way. */
export type Trouble =
  | 'none'
  /** Nobody is there. */
  | 'gone'
  /** Requests arrive, answers never do. */
  | 'silence'
  /** Answers break off after so many bytes: every one, or the first alone. */
  | { readonly cutAfter: number; readonly times: number }
  /** A word of the answer arrives as another of the same length. */
  | { readonly turn: string; readonly into: string }

/** A TCP proxy on a free loopback port that can be told to fail; given `tls`, it speaks that to whoever connects. */
export class FaultyProxy implements AsyncDisposable {
  readonly port: number
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  #trouble: Trouble = 'none'
  #cuts = 0

  private constructor(server: Server, parts: { to: number; event: string }) {
    this.#server = server
    this.port = (server.address() as AddressInfo).port // listening on TCP
    server.on(parts.event, (client: Socket) => this.#join(client, parts.to))
  }

  static async start(url: string, tls?: TlsOptions): Promise<FaultyProxy> {
    const server = tls ? createTlsServer(tls) : createServer()
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new FaultyProxy(server, {
      to: Number(new URL(url).port),
      event: tls ? 'secureConnection' : 'connection',
    })
  }

  /** From now on, for new connections; those that are open end. */
  become(trouble: Trouble): void {
    this.#trouble = trouble
    this.#cuts = 0
    for (const socket of this.#sockets) socket.destroy()
  }

  /** From now on answers never come, on connections that are open neither. */
  swallow(): void {
    this.#trouble = 'silence'
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.become('gone')
    this.#server.close()
  }

  #join(client: Socket, to: number): void {
    if (this.#trouble === 'gone') return void client.destroy()
    const server = connect(to, '127.0.0.1')
    let passed = 0
    for (const [socket, other] of [
      [client, server],
      [server, client],
    ] as const) {
      this.#sockets.add(socket)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        this.#sockets.delete(socket)
        other.destroy()
      })
    }
    client.pipe(server)
    server.on('data', (chunk: Buffer) => {
      const trouble = this.#trouble
      if (trouble === 'silence') return
      passed += chunk.length
      client.write(turned(chunk, trouble))
      if (typeof trouble !== 'object' || !('cutAfter' in trouble)) return
      if (passed <= trouble.cutAfter || this.#cuts === trouble.times) return
      this.#cuts += 1
      client.end()
      server.destroy()
    })
  }
}

function turned(chunk: Buffer, trouble: Trouble): Buffer {
  if (typeof trouble !== 'object' || !('turn' in trouble)) return chunk
  return Buffer.from(chunk.toString('latin1').replaceAll(trouble.turn, trouble.into), 'latin1')
}
