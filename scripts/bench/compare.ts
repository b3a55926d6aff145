import { get } from 'node:http'
import { load } from './load.ts'
import type { Started } from './process.ts'
import { type RawReply, startBare, startNginx } from './rivals.ts'

export type Case = {
  readonly name: string
  readonly path: string
  readonly headers: Record<string, string>
  /** Another registry has other tokens and validators. */
  readonly isOurs?: boolean
}
export type Effort = { readonly runs: number; readonly connections: number; readonly seconds: number }
export type Contest = {
  readonly ours: Started
  /** Another registry that holds the same packages. */
  readonly verdaccio: Started | undefined
  readonly withNginx: boolean
  readonly folder: string
  readonly effort: Effort
}

/** Seconds: what published a while ago is compiled anew for reading. */
const WARM_UP = 2

/** What one run of one server showed: requests a second, and microseconds of processor time for each. */
type Run = { readonly rate: number; readonly cpu: number }

/**
 * Each server in turns, run by run, so that whatever else the machine does meets them all. Where something else does run, the processor
 * time of a request tells more than how many there were a second.
 */
export async function compare({ name, path, headers, isOurs }: Case, contest: Contest): Promise<void> {
  const { ours, withNginx, folder, effort } = contest
  const verdaccio = isOurs ? undefined : contest.verdaccio
  const reply = await rawReply(ours.url + path, headers)
  const bare = await startBare(folder, reply)
  const nginx = withNginx ? await startNginx(folder, path, reply) : undefined
  try {
    const servers = { entropic: ours, 'node:http': bare, nginx, verdaccio }
    const runs = new Map<string, Run[]>()
    // A first run of each that does not count: what has just started is not compiled yet.
    for (const server of Object.values(servers))
      if (server) await load({ url: server.url + path, headers, ...effort, seconds: WARM_UP })
    for (let run = 0; run < effort.runs; run++)
      for (const [label, server] of Object.entries(servers)) {
        if (!server) continue
        const before = server.cpu() ?? Number.NaN
        const { rate, count, odd } = await load({ url: server.url + path, headers, ...effort })
        if (odd > 0) throw new Error(`${odd} replies of ${label} for ${path} were unlike the others`)
        const cpu = (((server.cpu() ?? Number.NaN) - before) * 1e6) / count
        runs.set(label, [...(runs.get(label) ?? []), { rate, cpu }])
      }
    console.log(line(name, runs))
  } finally {
    await bare.stop()
    await nginx?.stop()
  }
}

function line(name: string, runs: ReadonlyMap<string, readonly Run[]>): string {
  const own = runs.get('entropic') ?? []
  const parts = [...runs].map(([label, all]) => {
    const [rate, cpu] = [median(all.map((run) => run.rate)), median(all.map((run) => run.cpu))]
    const figures = `${label} ${Math.round(rate)} req/s, ${cpu.toFixed(1)} µs`
    if (label === 'entropic') return figures
    const ratio = median(own.map((run, n) => run.rate / (all[n]?.rate ?? Number.NaN)))
    const cpuRatio = median(own.map((run, n) => (all[n]?.cpu ?? Number.NaN) / run.cpu))
    return `${figures} (ratio ${ratio.toFixed(2)}, by processor time ${cpuRatio.toFixed(2)})`
  })
  return `${name}: ${parts.join('; ')}`
}

export function median(numbers: readonly number[]): number {
  const sorted = [...numbers].sort((a, b) => a - b)
  return sorted[Math.floor((sorted.length - 1) / 2)] ?? Number.NaN
}

/** What the registry sends, byte for byte, for the yardsticks to repeat. */
function rawReply(url: string, headers: Record<string, string>): Promise<RawReply> {
  return new Promise((resolve, reject) => {
    get(url, { headers }, async (response) => {
      const chunks = await Array.fromAsync(response)
      const { date: _date, connection: _connection, 'keep-alive': _keep, ...rest } = response.headers
      resolve({ status: response.statusCode ?? 0, headers: rest, body: Buffer.concat(chunks) })
    }).on('error', reject)
  })
}
