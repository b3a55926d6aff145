import { withRegistry } from '../open.ts'
import { columns, momentOf } from './columns.ts'
import type { Call } from './command.ts'

/** Prints the token and nothing else, for `TOKEN=$(… token create NAME)`. */
export async function createToken({ names: [accountName = ''], flags, settings }: Call): Promise<number> {
  const access = 'read-only' in flags ? 'read' : 'publish'
  const description = flags.description ?? 'made on the command line'
  const token = await withRegistry(settings.config, (registry) =>
    registry.tokens.issue({ accountName, description, access }),
  )
  process.stdout.write(`${token.secret}\n`)
  return 0
}

export async function listTokens({ names: [accountName], settings }: Call): Promise<number> {
  const tokens = await withRegistry(settings.config, (registry) => registry.tokens.list(accountName))
  const rows = tokens.map((token) => [
    token.id,
    token.accountName,
    `${token.hint}…`,
    token.access,
    momentOf(token.createdAt),
    momentOf(token.usedAt),
    token.description,
  ])
  const head = ['ID', 'ACCOUNT', 'TOKEN', 'MAY', 'CREATED', 'LAST USED', 'DESCRIPTION']
  process.stdout.write(columns([head, ...rows]))
  return 0
}

export async function revokeToken({ names: [id = ''], settings }: Call): Promise<number> {
  await withRegistry(settings.config, (registry) => registry.tokens.revoke(id))
  process.stdout.write(`The token ${id} is revoked.\n`)
  return 0
}
