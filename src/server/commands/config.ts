import { columns } from './columns.ts'
import type { Call } from './command.ts'

export async function showConfig({ settings }: Call): Promise<number> {
  const rows = settings.list.map(({ env, value, origin }) => [env, value, origin])
  process.stdout.write(columns([['OPTION', 'VALUE', 'FROM'], ...rows]))
  return 0
}

/** Reading the settings throws for every mistake in them. */
export async function checkConfig({ settings: _read }: Call): Promise<number> {
  process.stdout.write('The configuration has no mistakes.\n')
  return 0
}
