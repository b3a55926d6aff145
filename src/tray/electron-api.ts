/** What a click on an entry of the menu does. */
export type Action =
  | 'website'
  | 'setup'
  | 'copy'
  | 'log-in'
  | 'npm'
  | 'offline'
  | 'prefetch'
  | 'start'
  | 'stop'
  | 'restart'
  | 'other-port'
  | 'login-item'
  | 'logs'
  | 'quit'

export type MenuEntry =
  | { readonly kind: 'line' }
  /** Cannot be clicked. */
  | { readonly kind: 'text'; readonly label: string }
  | { readonly kind: 'item'; readonly label: string; readonly action: Action; readonly enabled: boolean }
  | {
      readonly kind: 'check'
      readonly label: string
      readonly action: Action
      readonly enabled: boolean
      readonly checked: boolean
    }

/** How the icon looks. */
export type Mood = 'well' | 'idle' | 'trouble'

/** All that the tray shows. */
export type View = { readonly mood: Mood; readonly tooltip: string; readonly menu: readonly MenuEntry[] }

/** What the tray wants of the desktop: Electron in `main.ts`, a stand-in in tests. */
export type ElectronApi = {
  show(view: View): void
  notify(message: { readonly title: string; readonly body: string }): void
  /** Opens an address in the browser. */
  openAddress(address: string): Promise<void>
  /** Opens a file with the program it belongs to. */
  openFile(path: string): Promise<void>
  copy(text: string): void
  /** Asks for a lock file; undefined when nobody chose one. */
  chooseLockFile(): Promise<string | undefined>
  startsAtLogin(): Promise<boolean>
  startAtLogin(wanted: 'yes' | 'no'): Promise<void>
  /** Ends the tray's own process. */
  exit(): void
}
