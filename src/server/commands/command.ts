import { isCheckout, isExecutable } from '../assets.ts'
import type { Settings } from '../config.ts'

/** What a command is called with: its arguments and its own flags, parsed, and the settings of the whole program. */
export type Call = {
  readonly names: readonly string[]
  /** By name without dashes; a flag that takes no value is '' when given. */
  readonly flags: Readonly<Record<string, string | undefined>>
  readonly settings: Settings
}

/** Resolves with the exit code. Throws a Failure or a Fault for what a person must mend. */
export type Run = (call: Call) => Promise<number>

export type Flag = {
  /** What to call its value in the help; undefined: it takes none. */
  readonly value?: string
  readonly about: string
}

export type Command = {
  /** What to type, as in `user add`. */
  readonly words: string
  /** The arguments' names, in order; those in brackets may be left out. */
  readonly names: readonly string[]
  readonly about: string
  readonly flags: Readonly<Record<string, Flag>>
  /** Loads nothing before it is called, so that one command does not wait for the parts of another. */
  load(): Promise<Run>
}

/** How the program is started: the executable by the name it was called by. */
export const PROGRAM = isExecutable ? process.argv0 : isCheckout ? 'npm run -s entropic --' : 'npx entropic'
