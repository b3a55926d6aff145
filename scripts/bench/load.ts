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
  /** Latency, milliseconds. */
  readonly p50: number
  readonly p99: number
  /** Replies whose status was not that of the first. */
  readonly odd: number
}

const HEAD_END = Buffer.from('\r\n\r\n')

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
  return { rate: latencies.length / took, p50: at(0.5), p99: at(0.99), odd: latencies.length - usual }
}

/** One connection: sends, waits for the whole reply, reports, goes on while told to. */
function drive(
  socket: Socket,
  request: Buffer,
  report: (status: string, milliseconds: number) => boolean,
): Promise<void> {
  return new Promise((resolve, reject) => {
    let head: Buffer = Buffer.alloc(0)
    let missing = 0
    let status = ''
    let sentAt = 0
    const send = () => {
      sentAt = performance.now()
      socket.write(request)
    }
    const finished = () => {
      if (report(status, performance.now() - sentAt)) return send()
      socket.destroy()
      resolve()
    }
    socket.on('connect', send)
    socket.on('error', reject)
    socket.on('data', (chunk) => {
      if (missing > 0) {
        missing -= chunk.length
        if (missing === 0) finished()
        return
      }
      head = head.length === 0 ? chunk : Buffer.concat([head, chunk])
      const end = head.indexOf(HEAD_END)
      if (end < 0) return
      const text = head.toString('latin1', 0, end)
      status = text.slice(9, 12)
      const length = status === '304' ? 0 : Number(/content-length: (\d+)/i.exec(text)?.[1])
      missing = length - (head.length - end - HEAD_END.length)
      head = Buffer.alloc(0)
      if (missing === 0) finished()
      else if (!(missing > 0))
        reject(new Error(`no content-length in the reply to ${request.toString('latin1', 0, 80)}`))
    })
  })
}
