import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { stripVTControlCharacters } from 'node:util'

const SCRIPT = '/usr/bin/script'
const NPM = join(import.meta.dirname, '../../node_modules/npm/bin/npm-cli.js')

/** Why npm cannot be asked at a terminal here; undefined when it can. `script` (util-linux) lends the pseudo-terminal. */
export const noTerminal = existsSync(SCRIPT) ? undefined : `${SCRIPT} is not there`

/** npm as somebody uses it who sits before it: it asks, and is answered. */
export class Terminal {
  readonly ended: Promise<{ readonly code: number; readonly output: string }>
  readonly #child: ChildProcess
  readonly #heard = new Set<() => void>()
  #output = ''
  #seen = 0

  private constructor(child: ChildProcess) {
    this.#child = child
    const hear = (chunk: Buffer) => {
      this.#output += stripVTControlCharacters(String(chunk))
      for (const wake of this.#heard) wake()
    }
    child.stdout?.on('data', hear)
    child.stderr?.on('data', hear)
    this.ended = new Promise((resolve) =>
      child.on('close', (code) => resolve({ code: code ?? 1, output: this.#output })),
    )
  }

  /** Starts npm in `folder`, which holds its `.npmrc`, too. */
  static async npm(folder: string, args: readonly string[]): Promise<Terminal> {
    const command = [process.execPath, NPM, ...args].map((word) => `'${word}'`).join(' ')
    const child = spawn(SCRIPT, ['-qfec', command, '/dev/null'], {
      cwd: folder,
      env: {
        PATH: `${join(process.execPath, '..')}:/usr/bin:/bin`,
        HOME: folder,
        TERM: 'dumb',
        SHELL: '/bin/sh',
        npm_config_cache: join(folder, 'npm-cache'),
        npm_config_update_notifier: 'false',
        npm_config_progress: 'false',
        npm_config_browser: 'false',
      },
    })
    return new Terminal(child)
  }

  /** Resolves with what matches, once it stands on the screen, behind what was waited for before. */
  printed(pattern: RegExp): Promise<string> {
    const { promise, resolve, reject } = Promise.withResolvers<string>()
    const look = () => {
      const match = pattern.exec(this.#output.slice(this.#seen))
      if (!match) return
      this.#seen += match.index + match[0].length
      this.#heard.delete(look)
      resolve(match[0])
    }
    this.#heard.add(look)
    look()
    void this.ended.then(({ output }) => reject(new Error(`it ended without printing ${pattern}: ${output}`)))
    return promise
  }

  /** Waits for a question and answers it. */
  async answer(question: RegExp, line: string): Promise<void> {
    await this.printed(question)
    this.#child.stdin?.write(`${line}\n`)
  }
}

/** Points npm at a registry, as somebody who is logged in there or not. */
export function writeNpmrc(folder: string, { url, token }: { url: string; token?: string }): Promise<void> {
  const login = token === undefined ? '' : `//${new URL(url).host}/:_authToken=${token}\n`
  return writeFile(join(folder, '.npmrc'), `registry=${url}/\n${login}`)
}
