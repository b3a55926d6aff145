import cluster from 'node:cluster'
import { subscribe } from 'node:diagnostics_channel'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { flushCompileCache } from 'node:module'
import type { AddressInfo, Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { setFlagsFromString } from 'node:v8'
import type { Log } from '../base/log.ts'
import { hours, type Millis, minutes, seconds } from '../base/time.ts'
import { Failure } from './failure.ts'
import { onSignal } from './process-child.ts'

/** Longer than the idle time of common proxies, so that they never reuse a connection that we are just closing. */
const KEEP_ALIVE = seconds(65)
const HEADERS = seconds(30)
/** The largest upload over a slow line takes most of this. */
const WHOLE_REQUEST = hours(1)
/** A connection on which nothing moves. */
const SILENCE = minutes(3)
const GRACE = seconds(10)

/** A server that listens, without anybody who answers yet. Throws a Failure when the address cannot be had. */
export function listen({ host, port }: { host: string; port: number }): Promise<Server> {
  const server = createServer({
    keepAliveTimeout: KEEP_ALIVE,
    headersTimeout: HEADERS,
    requestTimeout: WHOLE_REQUEST,
    // Most requests have no body. Nothing tells of its end then, nor that its sender is gone, which the response does.
    optimizeEmptyRequests: true,
  })
  server.timeout = SILENCE
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(refusal(error, { host, port })))
    server.listen({ host, port }, () => {
      server.removeAllListeners('error')
      resolve(server)
    })
  })
}

/** The port a listening server really has. */
export function portOf(server: Server): number {
  return (server.address() as AddressInfo).port // a TCP server's address is never a path
}

/** The port to listen on: a free one in the place of 0, which is another one each time. Throws a Failure as listen does. */
export async function settledPort(address: { host: string; port: number }): Promise<number> {
  if (address.port !== 0) return address.port
  const server = await listen(address)
  const port = portOf(server)
  await new Promise((resolve) => server.close(resolve))
  return port
}

function refusal(error: NodeJS.ErrnoException, { host, port }: { host: string; port: number }): Failure {
  const at = `${host}, port ${port}`
  const why: Record<string, string> = {
    EADDRINUSE: `Port ${port} of ${host} is taken, perhaps by another registry. Choose another with --port, or 0 for a free one.`,
    EACCES: `This user may not listen on ${at}. Choose a port above 1023 with --port.`,
    EADDRNOTAVAIL: `${host} is no address of this machine. Choose another with --host.`,
    ENOTFOUND: `The host "${host}" is unknown. Choose another with --host.`,
  }
  return new Failure(why[error.code ?? ''] ?? `Cannot listen on ${at}: ${error.message}`, {
    exitCode: 1,
    cause: error,
  })
}

export type Running = {
  readonly server: Server
  readonly log: Log
  /** Called when the end is asked for, before anything else. */
  draining?(): void
  /** How long everything is answered as before, once the end is asked for: proxies need a while to hear of it. */
  readonly delay?: Millis
  /** Closes what the server stood on; called when the last reply is sent. */
  close(): Promise<void>
  /** How long requests under way may take once the end is asked for. */
  readonly grace?: Millis
}

/**
 * From the moment the end is asked for, each reply tells its client to come by another connection next time; those under way, too,
 * where their head has not left yet.
 */
export class Farewell {
  /** The last reply of each connection: a listener a connection costs less than one a reply. */
  readonly #last = new Map<Socket, ServerResponse>()
  #isSaid = false

  constructor(server: Server) {
    server.on('connection', (socket: Socket) => socket.once('close', () => this.#last.delete(socket)))
  }

  /** To be told of each request, before it is answered. */
  note({ socket }: IncomingMessage, response: ServerResponse): void {
    if (this.#isSaid) response.shouldKeepAlive = false
    if (!socket.destroyed) this.#last.set(socket, response)
  }

  say(): void {
    this.#isSaid = true
    for (const response of this.#last.values()) response.shouldKeepAlive = false
  }
}

/**
 * Resolves with the exit code when the process is to end: 0 after SIGTERM or SIGINT, when requests under way are answered and everything is
 * closed; 1 at once after a second signal, after an error nobody caught (a bug), or when closing failed.
 */
export function untilStopped(running: Running): Promise<number> {
  const { log } = running
  return new Promise((resolve) => {
    let stopping = false
    const stop = (signal: NodeJS.Signals) => {
      if (stopping) return resolve(1)
      stopping = true
      log.info({ signal }, 'stopping')
      shutDown(running).then(
        () => resolve(0),
        (error) => {
          log.error({ error }, 'closing failed')
          resolve(1)
        },
      )
    }
    onStop(stop)
    process.on('uncaughtException', (error, origin) => {
      log.error({ error, origin }, 'an error that nobody caught')
      resolve(1)
    })
  })
}

/**
 * Has V8 collect whenever the heap has doubled. Under load most of the memory is buffers that wait to be collected. V8's own rule now and then lets
 * the heap grow to a multiple, and what the system has given by then stays. To be called when all is loaded: code that was compiled with
 * other flags is compiled anew, Node's own too. What was compiled until now is written down first, for the next start begins with the same flags.
 */
export function collectEarly(): void {
  flushCompileCache()
  setFlagsFromString('--heap-growing-percent=100')
}

/** What a worker is sent when it is to end. */
export const STOP = 'SIGTERM'

/** A worker waits to be told by who started it: terminals and service managers send their signals to every process, and it would hear twice. */
function onStop(stop: (signal: NodeJS.Signals) => void): void {
  onSignal(cluster.isWorker ? () => undefined : stop)
  process.on('message', (message) => {
    if (message === STOP) stop(STOP)
  })
}

async function shutDown(running: Running): Promise<void> {
  const { server, close, delay = 0, grace = GRACE } = running
  running.draining?.()
  if (delay > 0) await pause(delay)
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  // Connections kept alive become idle one by one, each when its reply is sent.
  const idle = setInterval(() => server.closeIdleConnections(), 50)
  const rest = setTimeout(() => server.closeAllConnections(), grace)
  await closed
  clearInterval(idle)
  clearTimeout(rest)
  await close()
}

/** What Node publishes of each reply that was sent to its end. */
type Finished = { readonly request: Timed }

const BEGUN = Symbol('begun')
/** On the request itself, which costs a tenth of a WeakMap. */
type Timed = IncomingMessage & { [BEGUN]?: { readonly at: Millis; readonly url: string | undefined } }

/** Logs each reply that took longer than `limit` until its end. */
export class SlowReplies {
  constructor({ log, limit }: { log: Log; limit: Millis }) {
    // One for all replies: a listener for each would cost more than a small reply does.
    subscribe('http.server.response.finish', (message) => {
      const { request } = message as Finished // as Node documents this channel
      const begun = request[BEGUN]
      const took = begun ? performance.now() - begun.at : 0
      if (begun && took > limit)
        log.warn(
          { method: request.method, path: withoutSecrets(begun.url), took: Math.round(took) },
          'a slow reply',
        )
    })
  }

  /** To be told of each request while its address is as it came: the doors shorten it. */
  note(request: Timed): void {
    request[BEGUN] = { at: performance.now(), url: request.url }
  }
}

/** The path alone, with the places blanked where clients put tokens and one-time links; queries carry such links, too. */
export function withoutSecrets(url = '/'): string {
  const path = url.split('?', 1)[0] ?? '/'
  return path.replace(/(\/-\/user\/token\/|\/tokens\/token\/|\/login\/poll\/)[^/]+/, '$1●●●')
}
