import { columns } from './columns.ts'
import type { Call } from './command.ts'

export async function showConfig({ settings }: Call): Promise<number> {
  const rows = settings.list.map(({ env, value, origin }) => [env, value, origin])
  process.stdout.write(columns([['OPTION', 'VALUE', 'FROM'], ...rows]))
  return 0
}

/** Mistakes have ended the program before: settings that were read have none. */
export async function checkConfig(): Promise<number> {
  process.stdout.write('The configuration has no mistakes.\n')
  return 0
}
