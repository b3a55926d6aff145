import { type ChildProcess, spawn } from 'node:child_process'
import manifest from '../../package.json' with { type: 'json' }
import { Failure } from './failure.ts'

/** How often we look whether the process that started us is still there: the kernel tells nobody. */
const WATCH_PARENT = 200
const PARENT = process.ppid
/** Whether `npm start` in our own folder started this process. Other scripts may start us and leave us running on purpose. */
const isNpmStart =
  process.env.npm_lifecycle_event === 'start' && process.env.npm_package_name === manifest.name

/**
 * Calls `stop` at each SIGTERM and SIGINT. npm ends the shell between it and us and not us: below `npm start`, the shell's end counts as
 * SIGTERM, unless a signal came before it (a terminal sends its own to all three, and a second one would end us at once).
 */
export function onSignal(stop: (signal: NodeJS.Signals) => void): void {
  const heard = (signal: NodeJS.Signals) => {
    clearInterval(watch)
    stop(signal)
  }
  const watch = isNpmStart
    ? setInterval(() => process.ppid !== PARENT && heard('SIGTERM'), WATCH_PARENT).unref()
    : undefined
  process.on('SIGTERM', heard).on('SIGINT', heard)
}

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
