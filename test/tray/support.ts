import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { Tray } from '../../src/tray/controller.ts'
import type { Action, ElectronApi, MenuEntry, View } from '../../src/tray/electron-api.ts'
import { Npmrc } from '../../src/tray/npmrc.ts'
import { Program } from '../../src/tray/program.ts'
import { SettingsFile } from '../../src/tray/settings.ts'
import { PROGRAM, SCRIPT } from '../support/server-process.ts'

/** A desktop of which only what was asked of it is known. */
export class FakeElectron implements ElectronApi {
  readonly notes: string[] = []
  readonly opened: string[] = []
  readonly copied: string[] = []
  lockFile: string | undefined
  exited = false
  #view: View | undefined
  #login = false

  get view(): View {
    if (!this.#view) throw new Error('Nothing was shown yet.')
    return this.#view
  }

  entry(action: Action): MenuEntry | undefined {
    return this.view.menu.find((it) => 'action' in it && it.action === action)
  }

  texts(): string[] {
    return this.view.menu.flatMap((it) => (it.kind === 'text' ? [it.label] : []))
  }

  show(view: View): void {
    this.#view = view
  }
  notify({ title, body }: { title: string; body: string }): void {
    this.notes.push(`${title}: ${body}`)
  }
  async openAddress(address: string): Promise<void> {
    this.opened.push(address)
  }
  async openFile(path: string): Promise<void> {
    this.opened.push(path)
  }
  copy(text: string): void {
    this.copied.push(text)
  }
  async chooseLockFile(): Promise<string | undefined> {
    return this.lockFile
  }
  async startsAtLogin(): Promise<boolean> {
    return this.#login
  }
  async startAtLogin(wanted: 'yes' | 'no'): Promise<void> {
    this.#login = wanted === 'yes'
  }
  exit(): void {
    this.exited = true
  }
}

export type TrayOptions = {
  /** Where everything lies: data, npmrc, what the tray remembers. */
  readonly folder: string
  readonly port?: number
  readonly environment?: Readonly<Record<string, string>>
}

/** A tray over the real command line; ends its own server when disposed. */
export async function openTray({ folder, port = 0, environment = {} }: TrayOptions) {
  const electron = new FakeElectron()
  const tray = new Tray({
    electron,
    program: new Program({
      command: [PROGRAM, ...SCRIPT],
      folder,
      environment: {
        PATH: process.env.PATH,
        HOME: folder,
        CACHE_DIR: join(folder, 'data'),
        PORT: String(port),
        UPSTREAM: 'none',
        ...environment,
      },
    }),
    settings: await SettingsFile.open(join(folder, 'tray/settings.json')),
    npmrc: new Npmrc({ path: join(folder, '.npmrc'), journal: join(folder, 'tray/npmrc.json') }),
    log: join(folder, 'tray/server.log'),
    pace: { firstDelay: 10, look: 20 },
  })
  return {
    tray,
    electron,
    async [Symbol.asyncDispose]() {
      await tray.perform('quit')
    },
  }
}

/** The server that the tray shows; throws when it shows none. */
export function serverOf(tray: Tray) {
  if (tray.state.kind !== 'running') throw new Error(`the server is ${JSON.stringify(tray.state)}`)
  return tray.state
}

/** The test's own limit ends what never comes true. */
export async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await sleep(20)
}
