import { Failure, usage } from '../failure.ts'
import { withRegistry } from '../open.ts'
import type { Call } from './command.ts'

export async function claimPackage({ names: [name = ''], flags, settings }: Call): Promise<number> {
  const owner = flags.for ?? ''
  if (owner === '') throw usage('It needs --for ACCOUNT: who may publish it.')
  await withRegistry(settings.config, async (registry) => {
    const account = await registry.accounts.find(owner)
    if (!account) throw new Failure(`There is no account "${owner}".`)
    const user = {
      kind: 'user',
      id: account.id,
      name: account.name,
      admin: account.admin,
      mayPublish: true,
    } as const
    await registry.packages.claims.claim(user, name)
  })
  process.stdout.write(`${name} is ours now and no longer mirrored. ${owner} may publish it.\n`)
  return 0
}

export async function releasePackage({ names: [name = ''], settings }: Call): Promise<number> {
  await withRegistry(settings.config, (registry) => registry.packages.claims.release(name))
  process.stdout.write(`${name} is mirrored from upstream again.\n`)
  return 0
}
