import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { createInterface } from 'node:readline'

export type Started = {
  readonly url: string
  /** Milliseconds from spawning to the line that says where it listens. */
  readonly readyAfter: number
  /** Resident memory in MiB; undefined where the system does not tell. */
  memory(): number | undefined
  stop(): Promise<void>
}

const pinning = canPin()

/** Runs a server on the first core, where cores can be chosen, so that the load on the other does not take its time. */
export async function startServer(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Started> {
  const command = [...(pinning ? ['taskset', '-c', '0'] : []), process.execPath, ...args]
  const begin = performance.now()
  const child = spawn(command[0] ?? '', command.slice(1), {
    env: { ...process.env, ...env },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const url = await listening(child)
  return {
    url,
    readyAfter: performance.now() - begin,
    memory: () => residentMiB(child.pid),
    async stop() {
      child.kill('SIGTERM')
      if (child.exitCode === null) await once(child, 'exit')
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

function residentMiB(pid: number | undefined): number | undefined {
  try {
    const kib = /VmRSS:\s+(\d+)/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1]
    return kib === undefined ? undefined : Number(kib) / 1024
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
