import { basename } from 'node:path'
import type { Action, ElectronApi } from './electron-api.ts'
import { viewOf } from './menu.ts'
import type { Npmrc } from './npmrc.ts'
import type { Program, Status } from './program.ts'
import type { SettingsFile } from './settings.ts'
import { type Pace, type ServerState, Supervisor } from './supervisor.ts'

export type TrayParts = {
  readonly electron: ElectronApi
  readonly program: Program
  readonly settings: SettingsFile
  readonly npmrc: Npmrc
  /** Path of the server's log. */
  readonly log: string
  readonly pace?: Partial<Pace>
}

/** Everything the tray does, whatever desktop it does it on. */
export class Tray {
  readonly #parts: TrayParts
  readonly #supervisor: Supervisor
  readonly #actions: Readonly<Record<Action, () => void | Promise<void>>>
  #version = ''
  #status: Status | undefined
  #npm: 'ours' | 'not ours' = 'not ours'
  #prefetching: string | undefined
  #startsAtLogin = false
  /** What follows from changes of the server, one after the other. */
  #following: Promise<void> = Promise.resolve()

  constructor(parts: TrayParts) {
    this.#parts = parts
    const { program, settings, log, npmrc, pace = {} } = parts
    this.#supervisor = new Supervisor({
      program,
      settings,
      log,
      pace,
      registryBefore: () => npmrc.before(),
      onChange: (state, before) => this.#onChange(state, before),
    })
    this.#actions = this.#table()
  }

  get state(): ServerState {
    return this.#supervisor.state
  }

  /** Shows itself and sees to it that a server runs. */
  async start(): Promise<void> {
    const { electron, program, npmrc } = this.#parts
    this.#show()
    this.#startsAtLogin = await electron.startsAtLogin()
    this.#version = await program.version()
    this.#npm = (await npmrc.registry()) === undefined ? 'not ours' : 'ours'
    await this.#supervisor.start()
    await this.#following
    // Killed while npm was pointed at a server that is gone: npm must go on working without us.
    if (this.state.kind !== 'running') await this.#restoreNpm()
    this.#show()
  }

  /** Does what a click asks for; a person hears of what goes wrong. */
  async perform(action: Action): Promise<void> {
    try {
      await this.#actions[action]()
      await this.#following
    } catch (error) {
      const body = error instanceof Error ? error.message : String(error)
      this.#parts.electron.notify({ title: 'Entropic could not do that', body })
    }
    this.#show()
  }

  /** Looks again at what other programs may have changed. */
  async refresh(): Promise<void> {
    if (this.state.kind === 'running') this.#status = await this.#parts.program.status()
    this.#show()
  }

  #table(): Record<Action, () => void | Promise<void>> {
    const { electron, log } = this.#parts
    const address = () => this.#address() ?? Promise.reject(new Error('Entropic does not run.'))
    return {
      website: async () => electron.openAddress(await address()),
      setup: async () => {
        if (this.state.kind === 'running' && this.state.setup) await electron.openAddress(this.state.setup)
      },
      copy: async () => electron.copy(await address()),
      'log-in': async () => electron.openAddress(`${await address()}www/login`),
      npm: () => this.#toggleNpm(),
      offline: () => this.#toggleOffline(),
      prefetch: () => this.#prefetch(),
      start: () => this.#supervisor.start(),
      stop: () => this.#supervisor.stop(),
      restart: () => this.#supervisor.restart(),
      'other-port': () => this.#useOtherPort(),
      'login-item': () => this.#toggleLoginItem(),
      logs: () => electron.openFile(log),
      quit: () => this.#quit(),
    }
  }

  #address(): string | undefined {
    return this.state.kind === 'running' ? `${this.state.server.url}/` : undefined
  }

  #onChange(state: ServerState, before: ServerState): void {
    this.#announce(state, before)
    this.#show()
    this.#following = this.#following.then(() => this.#follow(state)).catch(() => undefined)
  }

  /** Only what a person would want to know while doing something else. */
  #announce(state: ServerState, before: ServerState): void {
    const { electron } = this.#parts
    if (state.kind === 'waiting' && before.kind === 'running')
      electron.notify({ title: 'Entropic crashed', body: 'It starts again by itself.' })
    if (state.kind === 'failed') electron.notify({ title: 'Entropic cannot start', body: state.why })
    if (state.kind === 'stopped' && before.kind === 'running' && !before.own)
      electron.notify({ title: 'Entropic has ended', body: 'The server that was started elsewhere is gone.' })
    if (state.kind === 'taken') {
      const title = `Port ${state.port} is taken`
      electron.notify({ title, body: 'Another program listens there. The menu offers another port.' })
    }
    if (state.kind === 'running' && state.server.version !== this.#version) {
      const body = `Entropic ${state.server.version} runs already; this is ${this.#version}.`
      electron.notify({ title: 'Another version runs', body })
    }
  }

  /** npm asks us while we run, and whom it asked before when we do not; between a crash and the next start nothing changes. */
  async #follow(state: ServerState): Promise<void> {
    if (state.kind === 'running') {
      this.#status = await this.#parts.program.status()
      if (this.#parts.settings.get().npm) await this.#useNpm(`${state.server.url}/`)
      else await this.#restoreNpm() // killed while taking it back
    }
    if (state.kind === 'stopped' || state.kind === 'failed' || state.kind === 'taken')
      await this.#restoreNpm()
    this.#show()
  }

  async #toggleNpm(): Promise<void> {
    const { settings } = this.#parts
    const address = this.#address()
    if (this.#npm === 'ours') {
      await settings.change({ npm: undefined })
      await this.#restoreNpm()
    } else if (address !== undefined) {
      await settings.change({ npm: true })
      await this.#useNpm(address)
    }
  }

  async #useNpm(address: string): Promise<void> {
    const { npmrc } = this.#parts
    if ((await npmrc.registry()) !== address) await npmrc.use(address)
    this.#npm = 'ours'
  }

  async #restoreNpm(): Promise<void> {
    await this.#parts.npmrc.restore()
    this.#npm = 'not ours'
  }

  async #toggleOffline(): Promise<void> {
    const { program } = this.#parts
    const { code, stderr } = await program.run(
      'mode',
      this.#status?.mode === 'offline' ? 'online' : 'offline',
    )
    if (code !== 0) throw new Error(stderr.trim())
    await this.refresh()
  }

  async #prefetch(): Promise<void> {
    const { electron, program } = this.#parts
    const path = await electron.chooseLockFile()
    if (path === undefined) return
    this.#prefetching = basename(path)
    this.#show()
    try {
      const { code, stdout, stderr } = await program.run('prefetch', path)
      const title = code === 0 ? 'The project is prefetched' : 'Not everything could be prefetched'
      electron.notify({ title, body: (stdout || stderr).trim() })
    } finally {
      this.#prefetching = undefined
    }
    await this.refresh()
  }

  async #useOtherPort(): Promise<void> {
    const { settings } = this.#parts
    await settings.change({ port: 0 })
    await this.#supervisor.start()
    // The same from now on: npm and bookmarks remember it.
    const address = this.#address()
    await settings.change({ port: address === undefined ? undefined : Number(new URL(address).port) })
  }

  async #toggleLoginItem(): Promise<void> {
    const { electron } = this.#parts
    await electron.startAtLogin(this.#startsAtLogin ? 'no' : 'yes')
    this.#startsAtLogin = await electron.startsAtLogin()
  }

  /** An adopted server stays, and npm keeps asking it. */
  async #quit(): Promise<void> {
    const isOwn = this.state.kind !== 'running' || this.state.own
    if (isOwn) {
      await this.#supervisor.stop()
      await this.#following
    }
    this.#parts.electron.exit()
  }

  #show(): void {
    this.#parts.electron.show(
      viewOf({
        state: this.state,
        version: this.#version,
        status: this.state.kind === 'running' ? this.#status : undefined,
        npm: this.#npm,
        prefetching: this.#prefetching,
        startsAtLogin: this.#startsAtLogin,
      }),
    )
  }
}
