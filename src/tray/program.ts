import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { text } from 'node:stream/consumers'

/** A server on our data; see `entropic status --json`. */
export type Server = { readonly url: string; readonly pid: number; readonly version: string }

export type Stored = {
  readonly packages: number
  readonly tarballs: number
  /** Bytes on the disk. */
  readonly bytes: number
  /** Bytes not taken twice. */
  readonly saved: number
}

export type Status = { readonly server: Server | null; readonly mode: string; readonly stored: Stored }

export type Outcome = { readonly code: number | null; readonly stdout: string; readonly stderr: string }

/** Entropic's command line: the executable, or a checkout's script and the Node that runs it. */
export class Program {
  readonly #command: string
  readonly #leading: readonly string[]
  readonly #folder: string
  readonly #environment: NodeJS.ProcessEnv

  /** @param parts.folder the working folder, where a `.env` counts */
  constructor(parts: {
    command: readonly [string, ...string[]]
    folder: string
    environment: NodeJS.ProcessEnv
  }) {
    const [command, ...leading] = parts.command
    this.#command = command
    this.#leading = leading
    this.#folder = parts.folder
    this.#environment = parts.environment
  }

  /** Runs a command to its end. Rejects when the program cannot be started. */
  async run(...args: readonly string[]): Promise<Outcome> {
    const child = spawn(this.#command, [...this.#leading, ...args], {
      cwd: this.#folder,
      env: this.#environment,
      stdio: ['ignore', 'pipe', 'pipe'],
      windowsHide: true,
    })
    const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
    return { code: child.exitCode, stdout, stderr }
  }

  /** undefined where there are no data yet. */
  async status(): Promise<Status | undefined> {
    const { stdout } = await this.run('status', '--json')
    // Our own program wrote it.
    return stdout === '' ? undefined : (JSON.parse(stdout) as Status)
  }

  async version(): Promise<string> {
    return (await this.run('version')).stdout.trim()
  }

  /**
   * Starts a server that writes to the open file `log`. It is nobody's child in the terminal's eyes, and no pipe ties it to us: when
   * the tray crashes, npm goes on working.
   *
   * @param options.registry what npm asked before it was pointed at us, and what we mirror therefore
   */
  serve(options: { log: number; port?: number | undefined; registry?: string | undefined }): ChildProcess {
    const { log, port, registry } = options
    const args = ['serve', ...(port === undefined ? [] : ['--port', String(port)])]
    return spawn(this.#command, [...this.#leading, ...args], {
      cwd: this.#folder,
      env: { ...this.#environment, ...(registry !== undefined && { npm_config_registry: registry }) },
      stdio: ['ignore', log, log],
      detached: true,
      windowsHide: true,
    })
  }
}
