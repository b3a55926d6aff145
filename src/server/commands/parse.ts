import { parseArgs } from 'node:util'
import { yesNo } from '../config/kinds.ts'
import { flagOf, optionList } from '../config/options.ts'
import { usage } from '../failure.ts'
import { type Command, PROGRAM } from './command.ts'
import { nearest } from './nearest.ts'

export type Parsed = {
  readonly command: Command
  readonly names: readonly string[]
  /** The command's own flags. */
  readonly flags: Readonly<Record<string, string | undefined>>
  /** The options of the table given as flags, by environment variable. */
  readonly options: Readonly<Record<string, string | undefined>>
}

type Known = { readonly takes: 'value' | 'nothing' | 'either'; put(text: string): void }

/** Reads a command line (without node and script). Throws a Failure that tells every mistake. */
export function parseCommandLine(argv: readonly string[], commands: readonly Command[]): Parsed {
  const { command, rest } = findCommand(argv, commands)
  const flags: Record<string, string> = {}
  const options: Record<string, string> = {}
  const known = knownFlags(command, flags, options)
  const { names, mistakes } = readFlags(rest, known)
  if ('help' in flags) {
    const help = commandNamed('help', commands)
    return { command: help, names: argv.length > rest.length ? command.words.split(' ') : [], flags, options }
  }
  if (mistakes.length === 0) mistakes.push(...checkNames(command, names))
  if (mistakes.length === 0) return { command, names, flags, options }
  throw usage([...mistakes, `Help: ${PROGRAM} ${command.words} --help`].join('\n'))
}

/** The command that the leading words name; serve when there are none. */
function findCommand(
  argv: readonly string[],
  commands: readonly Command[],
): { command: Command; rest: readonly string[] } {
  const [first] = argv
  if (first === '--version' || first === '-v') return { command: commandNamed('version', commands), rest: [] }
  if (first === undefined || first.startsWith('-'))
    return { command: commandNamed('serve', commands), rest: argv }
  for (const length of [2, 1]) {
    const words = argv.slice(0, length).join(' ')
    const command = commands.find((one) => one.words === words)
    if (command) return { command, rest: argv.slice(words.split(' ').length) }
  }
  throw usage(unknownCommand(argv, commands))
}

function unknownCommand([first = '', second]: readonly string[], commands: readonly Command[]): string {
  const group = commands.filter(({ words }) => words.startsWith(`${first} `)).map(({ words }) => words)
  if (group.length > 0) {
    const wrong =
      second === undefined || second.startsWith('-')
        ? `"${first}" needs one more word`
        : `There is no "${first} ${second}"`
    return `${wrong}: ${group.join(', ')}.`
  }
  const typed = second === undefined || second.startsWith('-') ? first : `${first} ${second}`
  const all = commands.map(({ words }) => words)
  const meant = nearest(typed, all) ?? nearest(first, all)
  return `There is no command "${first}".${meant ? ` Did you mean "${meant}"?` : ''}\nHelp: ${PROGRAM} help`
}

function commandNamed(words: string, commands: readonly Command[]): Command {
  const command = commands.find((one) => one.words === words)
  if (!command) throw new Error(`the command table has no ${words}`)
  return command
}

function knownFlags(
  command: Command,
  flags: Record<string, string>,
  options: Record<string, string>,
): ReadonlyMap<string, Known> {
  const known = new Map<string, Known>()
  for (const option of optionList) {
    const put = (text: string) => {
      options[option.env] = text
    }
    const name = flagOf(option)
    if (name === undefined) continue
    known.set(name, { takes: option.kind === yesNo ? 'either' : 'value', put })
    if (option.kind === yesNo) known.set(`no-${name}`, { takes: 'nothing', put: () => put('false') })
  }
  for (const [name, { value }] of Object.entries({ ...command.flags, help: { value: undefined } })) {
    const put = (text: string) => {
      flags[name] = text
    }
    known.set(name, { takes: value === undefined ? 'nothing' : 'value', put })
  }
  return known
}

function readFlags(
  args: readonly string[],
  known: ReadonlyMap<string, Known>,
): { names: string[]; mistakes: string[] } {
  const types = [...known].map(([name, { takes }]) => [
    name,
    { type: takes === 'value' ? 'string' : 'boolean' } as const,
  ])
  const options = { ...Object.fromEntries(types), help: { type: 'boolean', short: 'h' } } as const
  const { tokens } = parseArgs({ args: [...args], options, strict: false, tokens: true })
  const names: string[] = []
  const mistakes: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') names.push(token.value)
    if (token.kind !== 'option') continue
    const mistake = readFlag(token, known)
    if (mistake !== undefined) mistakes.push(mistake)
  }
  return { names, mistakes }
}

type FlagToken = {
  name: string
  rawName: string
  value: string | undefined
  inlineValue: boolean | undefined
}

/** Puts a flag's value where it belongs, or says what is wrong with it. */
function readFlag(token: FlagToken, known: ReadonlyMap<string, Known>): string | undefined {
  const { name, rawName, value, inlineValue } = token
  const flag = known.get(name)
  if (!flag) {
    const meant = nearest(name, [...known.keys()])
    return `There is no flag ${rawName}.${meant ? ` Did you mean --${meant}?` : ''}`
  }
  if (flag.takes === 'nothing' && value !== undefined) return `The flag ${rawName} takes no value.`
  if (flag.takes === 'value' && (!value || (!inlineValue && value.startsWith('-'))))
    return `The flag ${rawName} needs a value.`
  flag.put(value ?? (flag.takes === 'either' ? 'true' : ''))
  return undefined
}

function checkNames(command: Command, names: readonly string[]): string[] {
  const missing = command.names.slice(names.length).filter((name) => !name.startsWith('['))
  const needs = missing.map((name) => `"${command.words}" needs ${name}.`)
  if (command.names.some((name) => name.includes('…'))) return needs
  return [...needs, ...names.slice(command.names.length).map((name) => `"${name}" is one word too many.`)]
}
