import { checkTogether } from './config/checks.ts'
import type { Lookup, Option } from './config/option.ts'
import { type Config, options, shown } from './config/options.ts'
import { findText, type Given, type Layer, readEnvFile, type Texts } from './config/sources.ts'
import { Failure, sentenceOf } from './failure.ts'

export type { Config } from './config/options.ts'

/** One line of what is configured, fit to be shown: secrets are hidden. */
export type Setting = { readonly env: string; readonly value: string; readonly origin: string }

export type Settings = { readonly config: Config; readonly list: readonly Setting[] }

export type Sources = {
  /** By environment variable, as the flags of the command line gave them. */
  readonly flags: Texts
  readonly environment: Texts
  /** Where `.env` is looked for and relative paths begin. */
  readonly folder: string
}

/** Mistakes of the configuration, all of them. */
export class ConfigMistakes extends Failure {
  readonly mistakes: readonly string[]

  constructor(mistakes: readonly string[]) {
    const head = mistakes.length === 1 ? 'The configuration has a mistake' : 'The configuration has mistakes'
    super([`${head}:`, ...mistakes.map((mistake) => `  ${mistake}`)].join('\n'), { exitCode: 2 })
    this.mistakes = mistakes
  }
}

/** The settings of this process: flags, then its environment, then `.env`, then defaults. Throws ConfigMistakes. */
export function readSettings(flags: Texts): Settings {
  const settings = resolveSettings({ flags, environment: process.env, folder: process.cwd() })
  // The Postgres driver reads PGPORT, PGPASSWORD and the like by itself, and only from the environment.
  const fromFile = Object.entries(readEnvFile(process.cwd()))
  for (const [env, text] of fromFile) if (env.startsWith('PG')) process.env[env] ??= text
  if (settings.config.pgHost !== undefined) process.env.PGHOST = settings.config.pgHost
  return settings
}

/** What the surroundings say of how others are reached, for whoever takes nothing else from them. */
export function proxiesAround(): Texts {
  const { HTTP_PROXY, HTTPS_PROXY, NO_PROXY } = process.env
  return { HTTP_PROXY, HTTPS_PROXY, NO_PROXY }
}

/** As readSettings, of anywhere. */
export function resolveSettings({ flags, environment, folder }: Sources): Settings {
  const mistakes: string[] = []
  const noting = <T>(work: () => T): T | undefined => {
    try {
      return work()
    } catch (error) {
      mistakes.push(sentenceOf(error))
      return undefined
    }
  }
  const layers: Layer[] = [
    { origin: 'flag', texts: flags },
    { origin: 'environment', texts: environment },
    { origin: '.env', texts: noting(() => readEnvFile(folder)) ?? {} },
  ]
  const rows = Object.entries(options).map(([name, option]) => ({
    name,
    option: option as Option<unknown>, // the table's rows have different value types
    given: noting(() => findText(option, layers)),
  }))
  const lookup: Lookup = (env) => {
    const row = rows.find(({ option }) => option.env === env)
    return row?.given?.text ?? (typeof row?.option.fallback === 'string' ? row.option.fallback : undefined)
  }
  const settled = rows.map((row) => ({ ...row, given: row.given ?? fallbackOf(row.option, lookup) }))
  const values = settled.map(({ name, option, given }) => [
    name,
    given && noting(() => read(option, given, folder)),
  ])
  const config: Partial<Config> = Object.fromEntries(values)
  mistakes.push(...checkTogether(config))
  if (mistakes.length > 0) throw new ConfigMistakes(mistakes)
  // Without mistakes each row of the table has been read by its own kind.
  return { config: config as Config, list: settled.map(settingOf) }
}

function fallbackOf({ fallback }: Option<unknown>, lookup: Lookup): Given | undefined {
  if (fallback === undefined) return undefined
  return { text: typeof fallback === 'string' ? fallback : fallback(lookup), origin: 'default' }
}

function read(option: Option<unknown>, { text, origin }: Given, folder: string): unknown {
  const value = option.kind.read(text, folder)
  if (value !== undefined) return value
  const why = option.kind.why?.(text, folder)
  const said = `${option.env} is "${shown(option, text)}" (${origin})${why === undefined ? '' : `: ${why}`}`
  throw new Error(`${said}; allowed: ${option.kind.allowed}.`)
}

function settingOf({ option, given }: { option: Option<unknown>; given: Given | undefined }): Setting {
  if (!given) return { env: option.env, value: `(${option.otherwise})`, origin: 'default' }
  return { env: option.env, value: shown(option, given.text), origin: given.origin }
}
