import { homedir } from 'node:os'
import { join } from 'node:path'
import { app, clipboard, dialog, Menu, Notification, nativeTheme, shell, Tray as TrayIcon } from 'electron'
import { Autostart } from './autostart.ts'
import { Tray } from './controller.ts'
import type { Action, ElectronApi, MenuEntry, View } from './electron-api.ts'
import { Npmrc } from './npmrc.ts'
import { Program } from './program.ts'
import { SettingsFile } from './settings.ts'

/** In milliseconds: how often to look at what other programs may have changed. */
const REFRESH = 60_000
const PROGRAM_FLAG = '--entropic='

const { env, platform } = process

if (app.requestSingleInstanceLock()) void main()
else app.quit()

async function main(): Promise<void> {
  await app.whenReady()
  app.dock?.hide()
  app.setAppUserModelId('dev.entropic.tray') // Windows shows no notification without
  const own = app.getPath('userData')
  const desktop = new Desktop()
  const tray = new Tray({
    electron: desktop,
    program: new Program({ ...program(own), environment: env }),
    settings: await SettingsFile.open(join(own, 'settings.json')),
    npmrc: new Npmrc({ path: userNpmrc(), journal: join(own, 'npmrc.json') }),
    log: join(own, 'server.log'),
  })
  desktop.onAction = (action) => void tray.perform(action)
  app.on('window-all-closed', () => undefined) // there never was one
  app.on('before-quit', (event) => {
    event.preventDefault()
    void tray.perform('quit')
  })
  setInterval(() => void tray.refresh().catch(() => undefined), REFRESH)
  await tray.start()
}

/** The executable in the package, or what `npm run tray` names: a JSON list of words, and its folder in front. */
function program(own: string): { command: readonly [string, ...string[]]; folder: string } {
  const given = process.argv.find((it) => it.startsWith(PROGRAM_FLAG))
  if (given === undefined) {
    const file = platform === 'win32' ? 'entropic.exe' : 'entropic'
    return { command: [join(process.resourcesPath, file)], folder: own }
  }
  const [folder, command, ...args] = JSON.parse(given.slice(PROGRAM_FLAG.length))
  return { command: [command, ...args], folder }
}

function userNpmrc(): string {
  return env.npm_config_userconfig || env.NPM_CONFIG_USERCONFIG || join(homedir(), '.npmrc')
}

/** An AppImage runs from a place of the moment. */
function ownCommand(): string[] {
  return env.APPIMAGE ? [env.APPIMAGE] : [process.execPath, ...process.argv.slice(1)]
}

/** Electron, as the controller wants it. */
class Desktop implements ElectronApi {
  onAction: (action: Action) => void = () => undefined
  readonly #autostart = new Autostart({
    folder: env.XDG_CONFIG_HOME || join(homedir(), '.config'),
    command: ownCommand(),
  })
  #icon: TrayIcon | undefined
  #view: View | undefined

  constructor() {
    nativeTheme.on('updated', () => this.#view && this.show(this.#view))
  }

  show(view: View): void {
    this.#view = view
    const image = iconOf(view)
    this.#icon ??= new TrayIcon(image)
    this.#icon.setImage(image)
    this.#icon.setToolTip(view.tooltip)
    this.#icon.setContextMenu(Menu.buildFromTemplate(view.menu.map((entry) => this.#itemOf(entry))))
  }

  notify(message: { title: string; body: string }): void {
    new Notification(message).show()
  }

  openAddress(address: string): Promise<void> {
    return shell.openExternal(address)
  }

  async openFile(path: string): Promise<void> {
    const why = await shell.openPath(path)
    if (why !== '') throw new Error(why)
  }

  copy(text: string): void {
    clipboard.writeText(text)
  }

  async chooseLockFile(): Promise<string | undefined> {
    const { canceled, filePaths } = await dialog.showOpenDialog({
      title: 'Which lock file is to be prefetched?',
      properties: ['openFile'],
      filters: [{ name: 'Lock files', extensions: ['json', 'yaml', 'lock'] }],
    })
    return canceled ? undefined : filePaths[0]
  }

  async startsAtLogin(): Promise<boolean> {
    return platform === 'linux' ? this.#autostart.isOn() : app.getLoginItemSettings().openAtLogin
  }

  async startAtLogin(wanted: 'yes' | 'no'): Promise<void> {
    if (platform === 'linux') await this.#autostart.switch(wanted)
    else app.setLoginItemSettings({ openAtLogin: wanted === 'yes' })
  }

  exit(): void {
    app.exit(0)
  }

  #itemOf(entry: MenuEntry) {
    if (entry.kind === 'line') return { type: 'separator' } as const
    const { label } = entry
    if (entry.kind === 'text') return { type: 'normal', label, enabled: false } as const
    const { action, enabled } = entry
    const click = () => this.onAction(action)
    if (entry.kind === 'item') return { type: 'normal', label, enabled, click } as const
    return { type: 'checkbox', label, enabled, checked: entry.checked, click } as const
  }
}

/** macOS colours a template by itself. */
function iconOf({ mood }: View): string {
  const panel = nativeTheme.shouldUseDarkColors ? 'dark' : 'light'
  const name = platform === 'darwin' ? `${mood}Template` : `${mood}-${panel}`
  return join(import.meta.dirname, 'icons', `${name}.png`)
}
