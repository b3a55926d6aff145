import { connect, type Socket } from 'node:net'

export type Load = {
  readonly url: string
  readonly headers: Readonly<Record<string, string>>
  readonly connections: number
  readonly seconds: number
}
export type LoadResult = {
  /** Requests a second. */
  readonly rate: number
  /** Requests in all. */
  readonly count: number
  /** Latency, milliseconds. */
  readonly p50: number
  readonly p99: number
  /** Replies whose status was not that of the first. */
  readonly odd: number
}

const HEAD_END = Buffer.from('\r\n\r\n')
const LINE_END = Buffer.from('\r\n')

/**
 * Keeps `connections` keep-alive connections busy with one GET after another. Written on bare sockets, since Node's own HTTP client
 * costs more than the servers measured.
 */
export async function load({ url, headers, connections, seconds }: Load): Promise<LoadResult> {
  const { hostname, port, pathname, search } = new URL(url)
  const lines = Object.entries({ host: `${hostname}:${port}`, ...headers }).map(
    ([name, value]) => `${name}: ${value}`,
  )
  const request = Buffer.from(`GET ${pathname}${search} HTTP/1.1\r\n${lines.join('\r\n')}\r\n\r\n`)
  const latencies: number[] = []
  const statuses = new Map<string, number>()
  const begin = performance.now()
  const end = begin + seconds * 1000
  const one = () =>
    drive(connect({ host: hostname, port: Number(port), noDelay: true }), request, (status, milliseconds) => {
      latencies.push(milliseconds)
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
      return performance.now() < end
    })
  await Promise.all(Array.from({ length: connections }, one))
  const took = (performance.now() - begin) / 1000
  latencies.sort((a, b) => a - b)
  const at = (share: number) => latencies[Math.floor((latencies.length - 1) * share)] ?? 0
  const usual = Math.max(...statuses.values())
  const count = latencies.length
  return { rate: count / took, count, p50: at(0.5), p99: at(0.99), odd: count - usual }
}

/** One connection: sends, waits for the whole reply, reports, goes on while told to. */
function drive(
  socket: Socket,
  request: Buffer,
  report: (status: string, milliseconds: number) => boolean,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let reply = new Reply()
    let sentAt = 0
    const send = () => {
      reply = new Reply()
      sentAt = performance.now()
      socket.write(request)
    }
    socket.on('connect', send)
    socket.on('error', reject)
    socket.on('close', () => reject(new Error(`cut off: ${request.toString('latin1', 0, 80)}`)))
    socket.on('data', (bytes) => {
      try {
        if (!reply.take(bytes)) return
      } catch (error) {
        return reject(error)
      }
      if (report(reply.status, performance.now() - sentAt)) return send()
      resolve()
      socket.destroy()
    })
  })
}

/** Finds the end of one reply, by its length or by its chunks (RFC 9112 §6, §7.1). */
class Reply {
  status = ''
  /** What was not understood yet: a head or a chunk's size that is not all here. */
  #rest: Buffer = Buffer.alloc(0)
  #isChunked = false
  /** Bytes of the body, or of this chunk with its line end, still to come; negative before the head. */
  #missing = -1
  #isLast = false

  /** Whether the reply is whole with these bytes. */
  take(bytes: Buffer): boolean {
    let left = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    this.#rest = Buffer.alloc(0)
    if (this.#missing < 0) {
      const end = left.indexOf(HEAD_END)
      if (end < 0) return this.#wait(left)
      this.#readHead(left.toString('latin1', 0, end))
      left = left.subarray(end + HEAD_END.length)
    }
    while (true) {
      const taken = Math.min(this.#missing, left.length)
      this.#missing -= taken
      left = left.subarray(taken)
      if (this.#missing > 0) return false
      if (!this.#isChunked || this.#isLast) return true
      const end = left.indexOf(LINE_END)
      if (end < 0) return this.#wait(left)
      const size = Number.parseInt(left.toString('latin1', 0, end), 16)
      this.#isLast = size === 0
      this.#missing = size + LINE_END.length
      left = left.subarray(end + LINE_END.length)
    }
  }

  #wait(rest: Buffer): false {
    this.#rest = rest
    return false
  }

  #readHead(text: string): void {
    this.status = text.slice(9, 12)
    this.#isChunked = /transfer-encoding: chunked/i.test(text)
    const length = this.#isChunked || this.status === '304' ? 0 : /content-length: (\d+)/i.exec(text)?.[1]
    if (length === undefined) throw new Error(`a reply of unknown length: ${text}`)
    this.#missing = Number(length)
  }
}
