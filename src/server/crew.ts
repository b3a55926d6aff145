import cluster, { type Worker } from 'node:cluster'
import type { Log } from '../base/log.ts'
import { type Millis, minutes, seconds } from '../base/time.ts'
import { isExecutable } from './assets.ts'
import { STOP } from './process.ts'
import { onSignal } from './process-child.ts'

/** What the first worker tells when it has started: the address it answers at, and what a person needs next. */
export type Told = { readonly url: string; readonly welcome: string }

const FIRST_PAUSE: Millis = 100
const LONGEST_PAUSE = seconds(30)
/** Who lasted this long did not end for how it was started. */
const STEADY = minutes(1)

export type CrewOptions = {
  readonly count: number
  /** Where all of them listen, and not 0: with its last worker, node:cluster forgets which one that was. */
  readonly port: number
  readonly log: Log
  /** Called with each worker, before it runs. */
  readonly equip: (worker: Worker) => void
  /** Called once, when the first worker answers. */
  readonly begun: (told: Told) => Promise<void>
}

/**
 * Several processes of this same command line behind one port, on all processors of the machine. One that ends is replaced, ever more
 * slowly where it keeps ending.
 */
export class Crew {
  readonly #options: CrewOptions
  readonly #all = new Set<Worker>()
  readonly #ready = new Set<Worker>()
  readonly #ended = Promise.withResolvers<number>()
  #hasBegun = false
  #isStopping = false
  #crashes = 0
  #exitCode = 0

  constructor(options: CrewOptions) {
    this.#options = options
  }

  /** Resolves with the exit code: that of a first worker which cannot start; else as untilStopped, when all have ended. */
  run(): Promise<number> {
    // The executable is its own script: what it was called with follows at once.
    const [exec = 'serve', ...args] = process.argv.slice(isExecutable ? 2 : 1)
    // The executable brings Node's flags itself, and would take them for ours.
    const execArgv = isExecutable ? [] : process.execArgv
    const told = [...args, '--port', String(this.#options.port)] // of two, the last one counts
    cluster.setupPrimary({ exec, args: told, execArgv, serialization: 'advanced' })
    const stop = (signal: NodeJS.Signals) => this.#stop(signal)
    onSignal(stop)
    // Alone at first: it brings the database up to date, and whatever is wrong is told once.
    this.#add()
    return this.#ended.promise
  }

  #add(): void {
    if (this.#isStopping) return
    const worker = cluster.fork()
    const since = performance.now()
    this.#all.add(worker)
    this.#options.equip(worker)
    worker.on('message', (message: unknown) => {
      if (isTold(message)) this.#started(worker, message)
    })
    worker.once('exit', (code: number | null, signal: string | null) => {
      this.#left(worker, { code, signal, lasted: performance.now() - since })
    })
  }

  #started(worker: Worker, told: Told): void {
    this.#ready.add(worker)
    if (this.#hasBegun) return
    this.#hasBegun = true
    this.#options
      .begun(told)
      .catch((err) => this.#options.log.error({ err }, 'the address is not written down'))
    for (let n = 1; n < this.#options.count; n++) this.#add()
  }

  #left(
    worker: Worker,
    { code, signal, lasted }: { code: number | null; signal: string | null; lasted: Millis },
  ): void {
    this.#all.delete(worker)
    this.#ready.delete(worker)
    if (this.#isStopping || !this.#hasBegun) {
      this.#exitCode ||= code ?? (this.#isStopping ? 0 : 1)
      if (this.#all.size === 0) this.#ended.resolve(this.#exitCode)
      return
    }
    this.#crashes = lasted > STEADY ? 0 : this.#crashes + 1
    const pause = Math.min(FIRST_PAUSE * 2 ** this.#crashes, LONGEST_PAUSE)
    this.#options.log.error(
      { pid: worker.process.pid, code, signal, pause },
      'a worker ended: another follows',
    )
    setTimeout(() => this.#add(), pause)
  }

  #stop(signal: NodeJS.Signals): void {
    if (this.#isStopping) {
      for (const worker of this.#all) worker.process.kill('SIGKILL')
      this.#ended.resolve(1)
      return
    }
    this.#isStopping = true
    this.#options.log.info({ signal }, 'stopping')
    if (this.#all.size === 0) this.#ended.resolve(0)
    for (const worker of this.#all) {
      if (this.#ready.has(worker)) worker.send(STOP, undefined, undefined, () => undefined)
      else worker.process.kill('SIGKILL')
    }
  }
}

/** To be called in a worker, whose primary may be gone before it has started: Node ends it then, and should not complain of what nobody heard. */
export function endWithPrimary(): void {
  cluster.worker?.on('error', () => undefined)
}

function isTold(message: unknown): message is Told {
  return typeof message === 'object' && message !== null && 'welcome' in message
}
