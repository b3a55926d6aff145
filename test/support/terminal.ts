import { type ChildProcess, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'

const SCRIPT = '/usr/bin/script'

/** Why no client can be asked at a terminal here; undefined when it can. `script` (util-linux) lends the pseudo-terminal. */
export const noTerminal = existsSync(SCRIPT) ? undefined : `${SCRIPT} is not there`

/** Before somebody types once more, in milliseconds. */
const PATIENCE = 3000

/** A client as somebody uses it who sits before it: it asks, and is answered. */
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

  /** Starts a command there. */
  static start(words: readonly string[], { cwd, env }: { cwd: string; env: NodeJS.ProcessEnv }): Terminal {
    const command = words.map((word) => `'${word}'`).join(' ')
    const settings = { ...env, TERM: 'dumb', SHELL: '/bin/sh' }
    // Only who listens echoes: what is typed too early, and thrown away, must not look like an answer that was taken.
    const quiet = `stty -echo; ${command}`
    return new Terminal(spawn(SCRIPT, ['-qfec', quiet, '/dev/null'], { cwd, env: settings }))
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

  /** Waits for a question and answers it; again, as somebody would, as long as nothing happens. What is `secret` is not shown as it is typed. */
  async answer(question: RegExp, line: string, kind: 'plain' | 'secret' = 'plain'): Promise<void> {
    await this.printed(question)
    let shown = 0
    const type = () => {
      shown = this.#output.length
      // The key itself: the terminal makes a line's end of it where a program reads lines.
      this.#child.stdin?.write(`${line}\r`)
    }
    type()
    // A program that listened ends the line on the screen; the end of the line before may come late.
    const sign = kind === 'secret' ? /./s : /\S/
    const again = setInterval(() => {
      const since = this.#output.slice(shown)
      // Asked once more: only a part of the line was heard.
      if (question.test(since) || !sign.test(since)) type()
      else clearInterval(again)
    }, PATIENCE)
    void this.ended.then(() => clearInterval(again))
  }
}
