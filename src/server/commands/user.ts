import { withRegistry } from '../open.ts'
import { columns, momentOf } from './columns.ts'
import type { Call } from './command.ts'
import { newPassword } from './password.ts'

export async function addUser({ names: [name = ''], flags, settings }: Call): Promise<number> {
  const password = await newPassword(flags)
  const account = { name, password, email: flags.email ?? '', admin: 'admin' in flags }
  await withRegistry(settings.config, (registry) => registry.accounts.add(account))
  process.stdout.write(`Made the account ${name}. Log in: npm login --auth-type=legacy\n`)
  return 0
}

export async function setPassword({ names: [name = ''], flags, settings }: Call): Promise<number> {
  const password = await newPassword(flags)
  await withRegistry(settings.config, (registry) => registry.accounts.setPassword(name, password))
  process.stdout.write(`The password of ${name} is set, its tokens are revoked.\n`)
  return 0
}

export async function listUsers({ settings }: Call): Promise<number> {
  const accounts = await withRegistry(settings.config, (registry) => registry.accounts.list())
  const rows = accounts.map(({ name, email, admin, createdAt, disabledAt }) => {
    const role = admin ? 'admin' : 'member'
    return [name, disabledAt === undefined ? role : `${role}, disabled`, momentOf(createdAt), email]
  })
  process.stdout.write(columns([['NAME', 'ROLE', 'CREATED', 'EMAIL'], ...rows]))
  return 0
}
