import { type ChildProcess, spawn } from 'node:child_process'
import { Failure } from './failure.ts'

/** How often we look whether the process that started us is still there: the kernel tells nobody. */
const WATCH_PARENT = 200

/** Resolves when this process is told to end, or the one that started it has ended, however it did. */
export function untilAbandoned(): Promise<void> {
  const parent = process.ppid
  return new Promise((resolve) => {
    const watch = setInterval(() => process.ppid !== parent && end(), WATCH_PARENT)
    const end = () => {
      clearInterval(watch)
      resolve()
    }
    process.once('SIGTERM', end).once('SIGINT', end).once('SIGHUP', end)
  })
}

/**
 * Runs a command with further environment variables, on our own input and output. Resolves with its exit code, 128 and more for a
 * signal as shells have it; `until` ends it.
 */
export async function runCommand(
  [command = '', ...args]: readonly string[],
  environment: Readonly<Record<string, string>>,
  until: Promise<void>,
): Promise<number> {
  const child = spawn(command, args, { stdio: 'inherit', env: { ...process.env, ...environment } })
  void until.then(() => child.kill('SIGTERM'))
  return exitCodeOf(child, command)
}

const OPENERS: Readonly<Record<string, readonly [string, ...string[]]>> = {
  darwin: ['open'],
  win32: ['cmd', '/c', 'start', ''],
}

/** Opens an address in the user's browser. Where there is none, it says so and nothing else happens. */
export function openInBrowser(address: string): void {
  const [command, ...args] = OPENERS[process.platform] ?? ['xdg-open']
  const child = spawn(command, [...args, address], { stdio: 'ignore', detached: true })
  child.once('error', () => process.stderr.write(`There is no ${command} here; open ${address} yourself.\n`))
  child.unref()
}

const SIGNALS: Readonly<Record<string, number>> = { SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }

function exitCodeOf(child: ChildProcess, command: string): Promise<number> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code, signal) => resolve(code ?? 128 + (SIGNALS[signal ?? ''] ?? 0)))
    child.once('error', (cause) =>
      reject(new Failure(`Cannot run "${command}": ${cause.message}`, { exitCode: 1, cause })),
    )
  })
}
