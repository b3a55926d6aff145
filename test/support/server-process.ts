import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'

/** The executable to test instead of the checkout, when there is one. */
export const executable = process.env.ENTROPIC_EXECUTABLE || undefined

/** How entropic is started. */
export const [PROGRAM, ...SCRIPT]: readonly [string, ...string[]] = executable
  ? [executable]
  : [process.execPath, join(import.meta.dirname, '../../scripts/entropic.mjs')]

export type ServerOptions = {
  readonly folder: string
  readonly upstream?: string
  readonly args?: readonly string[]
  readonly env?: Readonly<Record<string, string>>
}

/** The real server in a process of its own, to be killed. */
export class ServerProcess implements AsyncDisposable {
  readonly url: string
  readonly pid: number
  readonly #child: ChildProcess
  readonly #printed: readonly Buffer[]

  private constructor(url: string, child: ChildProcess, printed: readonly Buffer[]) {
    this.url = url
    this.pid = child.pid ?? 0 // it has answered
    this.#child = child
    this.#printed = printed
  }

  static async start({
    folder,
    upstream = 'none',
    args = [],
    env = {},
  }: ServerOptions): Promise<ServerProcess> {
    const command = [
      ...SCRIPT,
      'serve',
      '--port',
      '0',
      '--cache-dir',
      folder,
      '--upstream',
      upstream,
      ...args,
    ]
    const child = spawn(PROGRAM, command, {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...environment(), ...env },
    })
    const printed: Buffer[] = []
    child.stdout.on('data', (bytes) => printed.push(bytes))
    for await (const line of createInterface({ input: child.stdout })) {
      const url = /listening on (http:\/\/\S+)/.exec(line)?.[1]
      if (url === undefined) continue
      child.stdout.resume()
      return new ServerProcess(url.replace(/\/$/, ''), child, printed)
    }
    throw new Error(`the server ended with ${child.exitCode} before it listened`)
  }

  /** Stops it and resolves with all that it printed. */
  async printed(): Promise<string> {
    await this.stop()
    return Buffer.concat(this.#printed).toString()
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL')
    await this.#ended()
  }

  /** Resolves with the exit code. */
  async stop(): Promise<number | null> {
    this.#child.kill('SIGTERM')
    await this.#ended()
    return this.#child.exitCode
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill()
  }

  async #ended(): Promise<void> {
    if (this.#child.exitCode === null && this.#child.signalCode === null) await once(this.#child, 'exit')
  }
}

/** Runs a command on a data folder and resolves with what it printed; rejects when it fails. */
export async function runCommand(folder: string, ...args: readonly string[]): Promise<string> {
  const command = [...SCRIPT, ...args, '--cache-dir', folder]
  const { stdout } = await promisify(execFile)(PROGRAM, command, { env: environment() })
  return stdout.trim()
}

/** Makes an account beside the server and resolves with a token of it. */
export async function makeToken(
  folder: string,
  name: string,
  more: Readonly<Record<string, string>> = {},
  flags: readonly string[] = [],
): Promise<string> {
  const add = [...SCRIPT, 'user', 'add', name, '--password-stdin', '--cache-dir', folder, ...flags]
  const child = spawn(PROGRAM, add, {
    stdio: ['pipe', 'ignore', 'inherit'],
    env: { ...environment(), ...more },
  })
  child.stdin.end(`${name}-password\n`)
  await once(child, 'exit')
  const command = [...SCRIPT, 'token', 'create', name, '--cache-dir', folder]
  const { stdout } = await promisify(execFile)(PROGRAM, command, { env: { ...environment(), ...more } })
  return stdout.trim()
}

/** Nothing of the surroundings: no settings of the person running the tests. */
export function environment(): Record<string, string> {
  return { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', LOG_LEVEL: 'error' }
}
