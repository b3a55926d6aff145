import type { Option } from './option.ts'
import { flagOf, optionList } from './options.ts'

const BEGIN = '<!-- options: written by `npm run docs` -->'
const END = '<!-- /options -->'

/** The whole `.env-example`: every option, commented out, with its default. */
export function envExample(): string {
  const head = [
    '# Every option of the registry. Copy this file to .env and uncomment what you change.',
    '# Flags win over the environment, the environment over .env. Written by `npm run docs`.',
  ]
  return `${head.join('\n')}\n${optionList.map(envEntry).join('')}`
}

function envEntry(option: Option<unknown>): string {
  const plain = plainFallback(option)
  const lines = [
    `# ${option.about}.`,
    `# Allowed: ${option.kind.allowed}.${plain ? '' : ` Default: ${option.otherwise || 'none'}.`}`,
    ...(option.secret ? [`# ${option.env}_FILE names a file to read it from.`] : []),
    `#${option.env}=${plain ?? ''}`,
  ]
  return `\n${lines.join('\n')}\n`
}

/** The default as it would be written; undefined when it can only be described. */
function plainFallback({ fallback }: Option<unknown>): string | undefined {
  return typeof fallback === 'string' && fallback !== '' ? fallback : undefined
}

/** The README with its options table written anew between the markers. Throws when it has no markers. */
export function withOptionsTable(readme: string): string {
  const begin = readme.indexOf(BEGIN)
  const end = readme.indexOf(END)
  if (begin < 0 || end < begin) throw new Error('the README has no markers for the options table')
  return `${readme.slice(0, begin + BEGIN.length)}\n\n${optionsTable()}\n${readme.slice(end)}`
}

function optionsTable(): string {
  const rows = optionList.map((option) => {
    const flag = flagOf(option)
    const names = flag ? `\`${option.env}\`<br>\`--${flag}\`` : `\`${option.env}\`<br>\`${option.env}_FILE\``
    const plain = plainFallback(option)
    const fallback = plain ? `\`${plain}\`` : option.otherwise || 'none'
    return `| ${names} | ${fallback} | ${option.about}. Allowed: ${option.kind.allowed}. |`
  })
  return ['| Option | Default | Meaning |', '|---|---|---|', ...rows, ''].join('\n')
}
