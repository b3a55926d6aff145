import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { executable } from '../support/server-process.ts'

/** The file under test; `npm run build` makes it. */
export const file = executable ?? ''
export const missing = executable ? undefined : 'ENTROPIC_EXECUTABLE names no file'

export type Surroundings = {
  readonly env?: Record<string, string>
  readonly cwd?: string
  readonly uid?: number
  /** What it reads on standard input. */
  readonly input?: string
}
export type Ended = { readonly code: number | string | null; readonly out: string; readonly err: string }

/** Runs a program to its end in surroundings that hold nothing but what is given. */
export function run(
  program: string,
  args: readonly string[],
  { input, ...surroundings }: Surroundings = {},
): Promise<Ended> {
  return new Promise((resolve) => {
    const options = { env: {}, timeout: 30_000, maxBuffer: 16 * 2 ** 20, ...surroundings }
    const child = execFile(program, args, options, (error, out, err) =>
      resolve({ code: error ? (error.code ?? null) : 0, out, err }),
    )
    child.stdin?.end(input)
  })
}

/** A program that says where it listens. Disposing ends it as a user would. */
export class Running implements AsyncDisposable {
  readonly url: string
  readonly #child: ChildProcess

  private constructor(url: string, child: ChildProcess) {
    this.url = url
    this.#child = child
  }

  static async start(program: string, args: readonly string[], surroundings: Surroundings = {}) {
    const child = spawn(program, args, { env: {}, stdio: ['ignore', 'pipe', 'inherit'], ...surroundings })
    for await (const line of createInterface({ input: child.stdout })) {
      const url = /listening on (http:\/\/\S+)/.exec(line)?.[1]
      if (url) return new Running(url, child)
    }
    throw new Error(`${program} ended before it listened`)
  }

  /** Resolves with the exit code. */
  async stop(): Promise<number | null> {
    if (this.#child.exitCode !== null) return this.#child.exitCode
    this.#child.kill('SIGTERM')
    await once(this.#child, 'exit')
    return this.#child.exitCode
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}
