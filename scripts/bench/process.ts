import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { createInterface } from 'node:readline'
import { setTimeout } from 'node:timers/promises'

export type Started = {
  readonly url: string
  /** Milliseconds from spawning to the line that says where it listens. */
  readonly readyAfter: number
  /** Resident memory in MiB; undefined where the system does not tell. */
  memory(): number | undefined
  /** The most that was resident since the last call, in MiB, or since the start; undefined where the system does not tell. */
  peakMemory(): number | undefined
  /** Processor time taken so far, seconds; undefined where the system does not tell. */
  cpu(): number | undefined
  stop(): Promise<void>
}

const pinning = canPin()

export type Command = {
  /** The program and its arguments. */
  readonly command: readonly string[]
  readonly env?: Readonly<Record<string, string>>
  /** Where it will listen; absent: it says so itself (`listening on http://…`). */
  readonly url?: string
}

/** Runs a server on the first core, where cores can be chosen, so that the load on the other does not take its time. */
export async function startServer({ command, env, url: known }: Command): Promise<Started> {
  const [program = '', ...args] = [...(pinning ? ['taskset', '-c', '0'] : []), ...command]
  const begin = performance.now()
  const child = spawn(program, args, {
    env: { ...process.env, ...env },
    stdio: ['ignore', known === undefined ? 'pipe' : 'ignore', 'inherit'],
  })
  const url = known === undefined ? await listening(child) : await answering(child, known)
  return {
    url,
    readyAfter: performance.now() - begin,
    memory: () => statusMiB(child.pid, 'VmRSS'),
    peakMemory: () => peakMiB(child.pid),
    cpu: () => cpuSeconds(child.pid),
    async stop() {
      child.kill('SIGTERM')
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
    },
  }
}

/** Moves this process to the second core. */
export function pinSelf(): void {
  if (pinning) execFileSync('taskset', ['-cp', '1', String(process.pid)], { stdio: 'ignore' })
}

async function listening(child: ChildProcess): Promise<string> {
  if (!child.stdout) throw new Error('the server has no output')
  for await (const line of createInterface({ input: child.stdout })) {
    const url = /listening on (http:\/\/\S+)/.exec(line)?.[1]
    if (url === undefined) continue
    child.stdout.resume()
    return url.replace(/\/$/, '')
  }
  throw new Error('the server ended before it listened')
}

/** Resolves once anything answers there. */
async function answering(child: ChildProcess, url: string): Promise<string> {
  while (child.exitCode === null) {
    const answered = await fetch(url).then(
      (response) => response.arrayBuffer().then(() => true),
      () => false,
    )
    if (answered) return url
    await setTimeout(10)
  }
  throw new Error(`the server ended before it answered at ${url}`)
}

export async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo // listening on TCP
  server.close()
  await once(server, 'close')
  return port
}

function statusMiB(pid: number | undefined, field: 'VmRSS' | 'VmHWM'): number | undefined {
  try {
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const kib = new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]
    return kib === undefined ? undefined : Number(kib) / 1024
  } catch {
    return undefined
  }
}

function peakMiB(pid: number | undefined): number | undefined {
  const peak = statusMiB(pid, 'VmHWM')
  if (peak !== undefined) writeFileSync(`/proc/${pid}/clear_refs`, '5') // proc(5): begins the peak anew
  return peak
}

/** User and system time of all threads (proc(5), stat, fields 14 and 15, in hundredths of a second). */
function cpuSeconds(pid: number | undefined): number | undefined {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ')
    return (Number(fields[11]) + Number(fields[12])) / 100
  } catch {
    return undefined
  }
}

function canPin(): boolean {
  try {
    execFileSync('taskset', ['-c', '1', 'true'], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}
