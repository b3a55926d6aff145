import { expect } from 'vitest'
import type { TestApp } from './app.ts'
import { join } from './join.ts'
import type { NpmUser } from './npm-user.ts'

/** The namespace acme: kim owns it, lee and ann are members, bob is nobody there. lee is in its team ops. */
export type Acme = Readonly<Record<'kim' | 'lee' | 'ann' | 'bob', NpmUser>>

export async function acme(app: TestApp): Promise<Acme> {
  const [kim, lee, ann, bob] = await Promise.all([
    app.user('kim'),
    app.user('lee'),
    app.user('ann'),
    app.user('bob'),
  ])
  await kim.send('POST', '/v1/namespaces', { body: { name: 'acme' } })
  for (const member of [lee, ann]) await join(app, 'acme', [kim, member])
  expect((await team(kim, 'create', 'ops')).status).toBe(201)
  expect((await team(kim, 'add', 'ops', 'lee')).status).toBe(201)
  return { kim, lee, ann, bob }
}

/** `npm team` as it is sent: makes or destroys a team of acme, adds somebody or takes them out. */
export function team(
  who: NpmUser,
  ...[deed, name, user]: ['create' | 'destroy', string] | ['add' | 'rm', string, string]
) {
  if (deed === 'create') return who.send('PUT', '/-/org/acme/team', { body: { name } })
  const path = `/-/team/acme/${encodeURIComponent(name)}`
  if (deed === 'destroy') return who.send('DELETE', path)
  return who.send(deed === 'add' ? 'PUT' : 'DELETE', `${path}/user`, { body: { user } })
}

/** `npm access grant`; `at` is a team, as in acme:ops. */
export function grant(
  who: NpmUser,
  at: string,
  { permissions, name = '@kim/box' }: { permissions: 'read-only' | 'read-write'; name?: string },
) {
  return who.send('PUT', pathOf(at), { body: { package: name, permissions } })
}

/** `npm access revoke`. */
export function revoke(who: NpmUser, at: string, name = '@kim/box') {
  return who.send('DELETE', pathOf(at), { body: { package: name } })
}

const pathOf = (at: string) => `/-/team/${at.replace(':', '/')}/package`
