import type { ChildProcess } from 'node:child_process'
import { mkdir, open, rename, stat } from 'node:fs/promises'
import { dirname } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { isMissing, readIfThere } from './files.ts'
import type { Program, Server } from './program.ts'
import type { SettingsFile } from './settings.ts'

export type ServerState =
  | { readonly kind: 'stopped' }
  | { readonly kind: 'starting' }
  /** `own`: started from a tray, so that it ends with it. */
  | { readonly kind: 'running'; readonly server: Server; readonly own: boolean; readonly setup?: string }
  /** The port is another program's. */
  | { readonly kind: 'taken'; readonly port: number }
  /** It crashed and starts again after `delay` ms. */
  | { readonly kind: 'waiting'; readonly delay: number; readonly why: string }
  /** It cannot start; trying again would change nothing. */
  | { readonly kind: 'failed'; readonly why: string }

type Running = ServerState & { readonly kind: 'running' }

/** All in milliseconds. */
export type Pace = {
  /** Before the first new start after a crash; doubled for each that follows. */
  readonly firstDelay: number
  readonly longestDelay: number
  /** Whoever ran that long did not crash in a row. */
  readonly healthy: number
  /** How often to look after what tells nothing by itself. */
  readonly look: number
  /** For ending well. */
  readonly grace: number
}

const PACE: Pace = { firstDelay: 1000, longestDelay: 60_000, healthy: 60_000, look: 200, grace: 15_000 }
/** Starts in a row that never came to listen. */
const MOST_FAILURES = 5
/** Bytes of a log that is set aside when the next server starts. */
const LONG_LOG = 5_000_000
/** The exit code for a mistake in the configuration. */
const MISTAKE = 2

type Parts = {
  readonly program: Program
  readonly settings: SettingsFile
  /** Path of the server's log. */
  readonly log: string
  /** What npm asked before it asked us. */
  readonly registryBefore: () => Promise<string | undefined>
  readonly onChange: (state: ServerState, before: ServerState) => void
  readonly pace?: Partial<Pace>
}

/** Keeps one server running on the user's data: one that runs already, or a child of ours. */
export class Supervisor {
  readonly #parts: Parts
  readonly #pace: Pace
  #state: ServerState = { kind: 'stopped' }
  /** Starting and stopping wait for each other. */
  #turn: Promise<unknown> = Promise.resolve()
  /** Aborted when whoever we wait for does not matter any more. */
  #watch = new AbortController()
  #crashes = 0
  #startedAt = 0

  constructor(parts: Parts) {
    this.#parts = parts
    this.#pace = { ...PACE, ...parts.pace }
  }

  get state(): ServerState {
    return this.#state
  }

  /** Adopts the server that runs on our data, or starts one. */
  start(): Promise<void> {
    this.#crashes = 0
    return this.#next((signal) => this.#begin(signal))
  }

  /** Ends the server if it is ours; lets go of an adopted one. */
  stop(): Promise<void> {
    return this.#next(() => this.#end())
  }

  restart(): Promise<void> {
    this.#crashes = 0
    return this.#next(async (signal) => {
      await this.#end()
      await this.#begin(signal)
    })
  }

  #next(work: (signal: AbortSignal) => Promise<void>): Promise<void> {
    this.#watch.abort()
    this.#watch = new AbortController()
    const { signal } = this.#watch
    const done = this.#turn.then(() => work(signal))
    this.#turn = done.catch(() => undefined)
    return done
  }

  async #begin(signal: AbortSignal): Promise<void> {
    if (this.#state.kind === 'running' && isAlive(this.#state.server.pid))
      return this.#look(this.#state, signal)
    this.#change({ kind: 'starting' })
    try {
      const { program, settings } = this.#parts
      const server = (await program.status())?.server
      if (!server) return await this.#spawn(signal)
      this.#run({ kind: 'running', server, own: server.pid === settings.get().child }, signal)
    } catch (error) {
      this.#change({ kind: 'failed', why: error instanceof Error ? error.message : String(error) })
    }
  }

  async #spawn(signal: AbortSignal): Promise<void> {
    const { program, settings, registryBefore } = this.#parts
    const log = await this.#openLog()
    const from = (await log.stat()).size
    const options = { log: log.fd, port: settings.get().port, registry: await registryBefore() }
    const child = program.serve(options)
    const end = endOf(child)
    await log.close()
    await settings.change({ child: child.pid })
    const said = await this.#untilListening(child, from, signal)
    const server = said === undefined ? undefined : (await program.status())?.server
    if (said === undefined || !server) {
      child.kill()
      return this.#crashed(await end, await this.#logFrom(from), signal)
    }
    const setup = /^ *first account +(\S+)/m.exec(said)?.[1]
    this.#run({ kind: 'running', server, own: true, ...(setup !== undefined && { setup }) }, signal)
  }

  /** What the server said until it listened; undefined when it ended before, or is not wanted any more. */
  async #untilListening(child: ChildProcess, from: number, signal: AbortSignal): Promise<string | undefined> {
    for (;;) {
      const said = await this.#logFrom(from)
      if (/^entropic is listening on .*\n(?:.*\n)* {2}upstream /m.test(said)) return said
      if (signal.aborted || child.pid === undefined || child.exitCode !== null || child.signalCode !== null)
        return undefined
      await sleep(this.#pace.look)
    }
  }

  #run(state: Running, signal: AbortSignal): void {
    this.#startedAt = performance.now()
    this.#change(state)
    this.#look(state, signal)
  }

  /** A server may be no child of ours, and then nothing tells of its end. */
  #look(state: Running, signal: AbortSignal): void {
    const look = async () => {
      while (isAlive(state.server.pid)) await sleep(this.#pace.look, undefined, { signal })
      if (performance.now() - this.#startedAt > this.#pace.healthy) this.#crashes = 0
      // Who stopped a server of their own wants it stopped.
      if (state.own) this.#retry('it ended unexpectedly', signal)
      else this.#change({ kind: 'stopped' })
    }
    look().catch(() => undefined) // aborted
  }

  #crashed(end: End, said: string, signal: AbortSignal): void {
    if (signal.aborted) return
    const why = said.trim().split('\n').at(-1) || end.why
    const port = /^Port (\d+) of .* is taken/m.exec(said)?.[1]
    const isHopeless = end.code === MISTAKE || this.#crashes + 1 >= MOST_FAILURES
    if (port !== undefined) this.#change({ kind: 'taken', port: Number(port) })
    else if (isHopeless) this.#change({ kind: 'failed', why })
    else this.#retry(why, signal)
  }

  #retry(why: string, signal: AbortSignal): void {
    const { firstDelay, longestDelay } = this.#pace
    const delay = Math.min(firstDelay * 2 ** this.#crashes, longestDelay)
    this.#crashes += 1
    this.#change({ kind: 'waiting', delay, why })
    sleep(delay, undefined, { signal }).then(
      () => this.#next((next) => this.#begin(next)),
      () => undefined, // somebody started or stopped it meanwhile
    )
  }

  async #end(): Promise<void> {
    if (this.#state.kind === 'running' && this.#state.own) {
      await this.#kill(this.#state.server.pid)
      await this.#parts.settings.change({ child: undefined })
    }
    this.#change({ kind: 'stopped' })
  }

  async #kill(pid: number): Promise<void> {
    tell(pid, 'SIGTERM')
    const patience = AbortSignal.timeout(this.#pace.grace)
    while (isAlive(pid)) {
      if (patience.aborted) tell(pid, 'SIGKILL')
      await sleep(Math.min(this.#pace.look, 50))
    }
  }

  #change(state: ServerState): void {
    const before = this.#state
    this.#state = state
    this.#parts.onChange(state, before)
  }

  async #openLog() {
    const { log } = this.#parts
    await mkdir(dirname(log), { recursive: true })
    if ((await sizeOf(log)) > LONG_LOG) await rename(log, `${log}.1`)
    return open(log, 'a', 0o600)
  }

  async #logFrom(position: number): Promise<string> {
    return (await readIfThere(this.#parts.log))?.subarray(position).toString() ?? ''
  }
}

/** How a process ended; `code` is null for a signal, and when it could not be started at all. */
type End = { readonly code: number | null; readonly why: string }

function endOf(child: ChildProcess): Promise<End> {
  return new Promise((resolve) => {
    child.once('exit', (code, name) => resolve({ code, why: `it ended with ${code ?? name}` }))
    child.once('error', ({ message }) => resolve({ code: null, why: message }))
  })
}

async function sizeOf(path: string): Promise<number> {
  try {
    return (await stat(path)).size
  } catch (error) {
    if (isMissing(error)) return 0
    throw error
  }
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM'
  }
}

function tell(pid: number, name: NodeJS.Signals): void {
  try {
    process.kill(pid, name)
  } catch {
    // It is gone already.
  }
}
