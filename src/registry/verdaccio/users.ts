import { isFault } from '../../base/fault.ts'
import type { Accounts } from '../accounts.ts'
import { foreignPassword } from '../foreign-passwords.ts'

/** What became of somebody in an htpasswd file; `locked` ones have an account, and a password that cannot be verified here. */
export type ImportedUser = {
  readonly name: string
  readonly kind: 'added' | 'locked' | 'known' | 'left'
  /** Why there is no account. */
  readonly why?: string
}

/** Makes an account for each line, `name:hash` and whatever follows. Who has one already keeps it as it is. */
export async function importUsers(accounts: Accounts, htpasswd: string): Promise<ImportedUser[]> {
  const users: ImportedUser[] = []
  for (const line of htpasswd.split('\n')) {
    const [name = '', hash = ''] = line.trim().split(':')
    if (name !== '' && !name.startsWith('#')) users.push(await importUser(accounts, name, hash))
  }
  return users
}

async function importUser(accounts: Accounts, name: string, hash: string): Promise<ImportedUser> {
  if (await accounts.find(name)) return { name, kind: 'known' }
  const foreign = foreignPassword(hash)
  try {
    await accounts.add({ name, ...(foreign !== undefined && { foreign }) })
    return { name, kind: foreign === undefined ? 'locked' : 'added' }
  } catch (error) {
    if (isFault(error)) return { name, kind: 'left', why: error.message }
    throw error
  }
}
