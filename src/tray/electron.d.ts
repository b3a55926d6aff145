/** What main.ts uses of Electron, which is not part of the server's install; see its documentation of the same names. */
declare module 'electron' {
  type Listener = (event: { preventDefault(): void }) => void
  export const app: {
    readonly isPackaged: boolean
    requestSingleInstanceLock(): boolean
    whenReady(): Promise<void>
    getPath(name: 'userData'): string
    getLoginItemSettings(): { openAtLogin: boolean }
    setLoginItemSettings(settings: { openAtLogin: boolean }): void
    setAppUserModelId(id: string): void
    on(event: 'before-quit' | 'window-all-closed', listener: Listener): void
    quit(): void
    exit(code: number): void
    /** On macOS alone. */
    readonly dock?: { hide(): void }
  }
  export const clipboard: { writeText(text: string): void }
  export const dialog: {
    showOpenDialog(options: {
      title: string
      properties: readonly 'openFile'[]
      filters: readonly { name: string; extensions: readonly string[] }[]
    }): Promise<{ canceled: boolean; filePaths: string[] }>
  }
  export type Menu = object
  export const Menu: { buildFromTemplate(template: readonly MenuItemOptions[]): Menu }
  export type MenuItemOptions = {
    readonly type: 'separator' | 'normal' | 'checkbox'
    readonly label?: string
    readonly enabled?: boolean
    readonly checked?: boolean
    readonly click?: () => void
  }
  export const nativeTheme: {
    readonly shouldUseDarkColors: boolean
    on(event: 'updated', listener: () => void): void
  }
  export class Notification {
    constructor(options: { title: string; body: string })
    show(): void
  }
  export const shell: { openExternal(url: string): Promise<void>; openPath(path: string): Promise<string> }
  export class Tray {
    constructor(icon: string)
    setImage(icon: string): void
    setToolTip(text: string): void
    setContextMenu(menu: Menu): void
    on(event: 'click' | 'mouse-enter', listener: () => void): void
  }
}

declare namespace NodeJS {
  interface Process {
    /** Where a packaged application has its files. */
    readonly resourcesPath: string
  }
}
