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

/** Requests a second of each server in turns, run by run, so that whatever else the machine does meets them all. */
export async function compare({ name, path, headers, isOurs }: Case, contest: Contest): Promise<void> {
  const { ours, withNginx, folder, effort } = contest
  const verdaccio = isOurs ? undefined : contest.verdaccio
  const reply = await rawReply(ours.url + path, headers)
  const bare = await startBare(folder, reply)
  const nginx = withNginx ? await startNginx(folder, path, reply) : undefined
  try {
    const servers = Object.entries({ entropic: ours, 'node:http': bare, nginx, verdaccio })
    const rates = new Map<string, number[]>()
    for (let run = 0; run < effort.runs; run++)
      for (const [label, server] of servers) {
        if (!server) continue
        const { rate, odd } = await load({ url: server.url + path, headers, ...effort })
        if (odd > 0) throw new Error(`${odd} replies of ${label} for ${path} were unlike the others`)
        rates.set(label, [...(rates.get(label) ?? []), rate])
      }
    console.log(line(name, rates))
  } finally {
    await bare.stop()
    await nginx?.stop()
  }
}

function line(name: string, rates: ReadonlyMap<string, readonly number[]>): string {
  const own = rates.get('entropic') ?? []
  const parts = [...rates].map(([label, all]) => {
    const ratios = own.map((rate, run) => rate / (all[run] ?? Number.NaN))
    const ratio = label === 'entropic' ? '' : ` (ratio ${median(ratios).toFixed(2)})`
    return `${label} ${Math.round(median(all))}${ratio}`
  })
  return `${name}: ${parts.join(', ')} req/s`
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
