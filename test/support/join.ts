import { fail } from '../../src/base/fault.ts'
import type { TestApp } from './app.ts'
import type { NpmUser } from './npm-user.ts'

/** Has `owner` invite `member` into a namespace, and `member` accept. */
export async function join(
  app: TestApp,
  namespace: string,
  [owner, member]: [NpmUser, NpmUser],
): Promise<void> {
  const { namespaces } = app.registry
  await namespaces.invite(await callerOf(app, owner), namespace, member.name)
  await namespaces.accept(await callerOf(app, member), namespace)
}

async function callerOf({ registry }: TestApp, { token = '' }: NpmUser) {
  return (await registry.tokens.identify(token, '')) ?? fail('UNAUTHENTICATED', {})
}
