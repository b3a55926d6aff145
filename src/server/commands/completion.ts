import { basename } from 'node:path'
import { isExecutable } from '../assets.ts'
import { flagOf, optionList } from '../config/options.ts'
import { usage } from '../failure.ts'
import { type Command, PROGRAM } from './command.ts'

/** What may follow the words typed so far. */
type Following = { readonly after: string; readonly words: readonly string[] }

/** Prints a script that completes commands and flags; all of it is made from the two tables. */
export async function completion(
  [shell = '']: readonly string[],
  commands: readonly Command[],
): Promise<number> {
  const print = shells[shell]
  if (!print) throw usage(`There are completions for ${Object.keys(shells).join(', ')}, not for "${shell}".`)
  process.stdout.write(print(isExecutable ? basename(PROGRAM) : 'entropic', followingOf(commands)))
  return 0
}

/** Longer beginnings first, so that the first that fits is the right one. */
function followingOf(commands: readonly Command[]): Following[] {
  const options = optionList.flatMap((option) => flagOf(option) ?? []).map((flag) => `--${flag}`)
  const groups = new Map<string, Set<string>>()
  for (const { words } of commands) {
    const [first = '', second] = words.split(' ')
    groups.set('', (groups.get('') ?? new Set()).add(first))
    if (second !== undefined) groups.set(first, (groups.get(first) ?? new Set()).add(second))
  }
  const whole = commands.map(({ words, flags }) => ({
    after: words,
    words: [
      ...(groups.get(words) ?? []),
      ...Object.keys(flags).map((flag) => `--${flag}`),
      ...(words === 'serve' ? options : []),
      '--help',
    ],
  }))
  const begun = [...groups]
    .filter(([after]) => !commands.some(({ words }) => words === after))
    .map(([after, words]) => ({ after, words: [...words] }))
  return [...whole, ...begun].sort((a, b) => b.after.length - a.after.length)
}

function bash(program: string, following: readonly Following[]): string {
  const cases = following.map(({ after, words }) => `    "${after}"*) words="${words.join(' ')}" ;;`)
  return `_entropic() {
  local words typed="\${COMP_WORDS[*]:1:COMP_CWORD-1}"
  case "$typed" in
${cases.join('\n')}
  esac
  COMPREPLY=($(compgen -W "$words" -- "\${COMP_WORDS[COMP_CWORD]}"))
}
complete -o default -F _entropic ${program}
`
}

function zsh(program: string, following: readonly Following[]): string {
  const cases = following.map(({ after, words }) => `    "${after}"*) compadd -- ${words.join(' ')} ;;`)
  return `#compdef ${program}
_entropic() {
  local typed="\${words[2,CURRENT-1]}"
  case "$typed" in
${cases.join('\n')}
  esac
}
compdef _entropic ${program}
`
}

function fish(program: string, following: readonly Following[]): string {
  const lines = following.map(({ after, words }) => {
    const typed = 'string join " " -- (commandline -opc)[2..-1]'
    const condition = after === '' ? `test -z "$(${typed})"` : `string match -q -- "${after}*" "$(${typed})"`
    return `complete -c ${program} -n '${condition}' -a '${words.join(' ')}'`
  })
  return `${lines.join('\n')}\n`
}

const shells: Readonly<Record<string, (program: string, following: readonly Following[]) => string>> = {
  bash,
  zsh,
  fish,
}
