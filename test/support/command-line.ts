import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'

const ENTROPIC = join(import.meta.dirname, '../../scripts/entropic.mjs')

export type Outcome = { readonly code: number | null; readonly stdout: string; readonly stderr: string }

export type RunOptions = {
  /** The data folder. */
  readonly folder: string
  readonly input?: string
  readonly environment?: Readonly<Record<string, string>>
  /** Another script than the checkout's. */
  readonly script?: string
}

/** Runs one command to its end, in the data folder and with nothing of the surroundings' settings. */
export async function entropic(options: RunOptions, ...args: readonly string[]): Promise<Outcome> {
  const { folder, input = '', environment = {}, script = ENTROPIC } = options
  const child = spawn(process.execPath, [script, ...args], {
    cwd: folder,
    env: { PATH: process.env.PATH, HOME: process.env.HOME, CACHE_DIR: folder, ...environment },
  })
  // A command that reads nothing may be gone before its input is written.
  child.stdin.on('error', () => undefined).end(input)
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'close')])
  return { code: child.exitCode, stdout, stderr }
}
