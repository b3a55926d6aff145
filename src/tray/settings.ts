import { readIfThere, replaceFile } from './files.ts'

/** What the tray remembers from one start to the next. */
export type Settings = {
  /** Chosen because the usual one was taken. */
  readonly port?: number
  /** Whether npm is to ask us whenever we run. */
  readonly npm?: true
  /** The server that the tray started, to know it again after the tray itself was killed. */
  readonly child?: number
}

/** A small file of the tray's own. What cannot be read counts as never written. */
export class SettingsFile {
  readonly #path: string
  #settings: Settings

  private constructor(path: string, settings: Settings) {
    this.#path = path
    this.#settings = settings
  }

  static async open(path: string): Promise<SettingsFile> {
    return new SettingsFile(path, settingsIn((await readIfThere(path))?.toString() ?? ''))
  }

  get(): Settings {
    return this.#settings
  }

  /** undefined takes a setting away. */
  async change(change: { readonly [Key in keyof Settings]: Settings[Key] | undefined }): Promise<void> {
    const entries = Object.entries({ ...this.#settings, ...change }).filter(
      ([, value]) => value !== undefined,
    )
    this.#settings = Object.fromEntries(entries)
    await replaceFile(this.#path, JSON.stringify(this.#settings))
  }
}

function settingsIn(text: string): Settings {
  try {
    const { port, npm, child } = JSON.parse(text)
    return {
      ...(Number.isInteger(port) && { port }),
      ...(npm === true && { npm }),
      ...(Number.isInteger(child) && { child }),
    }
  } catch {
    return {}
  }
}
