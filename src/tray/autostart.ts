import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { readIfThere, replaceFile } from './files.ts'

/** Has a Linux desktop start a command at login: https://specifications.freedesktop.org/autostart-spec */
export class Autostart {
  readonly #path: string
  readonly #command: readonly string[]

  /** @param parts.folder the user's configuration, ~/.config unless told */
  constructor({ folder, command }: { folder: string; command: readonly string[] }) {
    this.#path = join(folder, 'autostart/entropic-tray.desktop')
    this.#command = command
  }

  async isOn(): Promise<boolean> {
    return (await readIfThere(this.#path)) !== undefined
  }

  async switch(wanted: 'yes' | 'no'): Promise<void> {
    if (wanted === 'no') return rm(this.#path, { force: true })
    await replaceFile(this.#path, desktopEntry(this.#command))
  }
}

function desktopEntry(command: readonly string[]): string {
  return `[Desktop Entry]
Type=Application
Name=Entropic
Comment=Package registry
Exec=${command.map(quoted).join(' ')}
Terminal=false
`
}

/** The specification's two layers: an argument in quotes, and that in turn in a string of the file. */
function quoted(word: string): string {
  const argument = `"${word.replace(/["`$\\]/g, '\\$&').replaceAll('%', '%%')}"`
  return argument.replaceAll('\\', '\\\\').replaceAll('\n', '\\n')
}
