import { yesNo } from '../config/kinds.ts'
import type { Option } from '../config/option.ts'
import { flagOf, optionList } from '../config/options.ts'
import { usage } from '../failure.ts'
import { columns } from './columns.ts'
import { type Command, PROGRAM } from './command.ts'

/** Prints the help: of the named command, of a group such as `user`, or of the whole. */
export async function help(names: readonly string[], commands: readonly Command[]): Promise<number> {
  const words = names.join(' ')
  const found = commands.filter((it) => it.words === words)
  const group = found.length > 0 ? found : commands.filter((it) => it.words.startsWith(`${words} `))
  if (words !== '' && group.length === 0) throw usage(`There is no command "${words}".`)
  process.stdout.write(words === '' ? overview(commands) : group.map(ofCommand).join('\n'))
  return 0
}

function overview(commands: readonly Command[]): string {
  const rows = commands.map((command) => [`  ${synopsis(command)}`, command.about])
  return `Usage: ${PROGRAM} [COMMAND] [FLAGS]

Commands:
${columns(rows)}
Every command has --help. The options of the server are flags of every command; serve --help lists them.
Exit codes: 0 done, 1 failed, 2 wrong usage or configuration.
`
}

function ofCommand(command: Command): string {
  const own = Object.entries(command.flags).map(([name, { value, about }]) =>
    entry(value ? `--${name} ${value}` : `--${name}`, about),
  )
  const options =
    command.words === 'serve'
      ? optionList.map(optionEntry).join('')
      : `\nThe options of the server are flags here too: ${PROGRAM} serve --help\n`
  return `Usage: ${PROGRAM} ${synopsis(command)}\n\n${command.about}.\n${own.join('')}${options}`
}

function synopsis({ words, names, flags }: Command): string {
  const own = Object.entries(flags).map(([name, { value }]) =>
    value ? `[--${name} ${value}]` : `[--${name}]`,
  )
  return [words, ...names, ...own].join(' ')
}

function optionEntry(option: Option<unknown>): string {
  const flag = flagOf(option)
  const head = flag
    ? `--${flag}${option.kind === yesNo ? '' : ' …'} (${option.env})`
    : `${option.env} or ${option.env}_FILE (environment or .env only)`
  return entry(head, `${option.about}.\n      Allowed: ${option.kind.allowed}. Default: ${option.otherwise}`)
}

const entry = (head: string, about: string) => `\n  ${head}\n      ${about}.\n`
