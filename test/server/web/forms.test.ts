import { expect, test } from 'vitest'
import type { TestApp } from '../../support/app.ts'
import { testApp } from '../../support/app.ts'
import { cookieHeader, loggedIn } from '../../support/browser.ts'
import { callerOf } from '../../support/showcase.ts'

/** Somebody with a browser: opens pages, and sends the forms that are on them. */
class Visitor {
  readonly #app: TestApp
  readonly #headers: Record<string, string>

  private constructor(app: TestApp, cookie: string) {
    this.#app = app
    this.#headers = { accept: 'text/html', cookie }
  }

  static async of(app: TestApp, name: string): Promise<Visitor> {
    return new Visitor(app, cookieHeader(await loggedIn(app, name)))
  }

  async open(path: string) {
    const { status, bytes } = await this.#app.anonymous().get(path, this.#headers)
    return { status, text: bytes.toString() }
  }

  /** Sends what a form on `page` would send, and opens where it leads. */
  async send(path: string, fields: Record<string, string>, page = path) {
    const key = /name="form_key" value="([^"]+)"/.exec((await this.open(page)).text)?.[1] ?? 'none'
    const body = `${new URLSearchParams({ form_key: key, ...fields })}`
    const headers = { ...this.#headers, 'content-type': 'application/x-www-form-urlencoded' }
    const reply = await this.#app.anonymous().send('POST', path, { body, headers })
    const next = reply.headers.get('location')
    return reply.status === 303 && next !== null
      ? this.open(next)
      : { status: reply.status, text: reply.bytes.toString() }
  }
}

const USERS = '/www/admin/users'

async function withPeople() {
  const app = await testApp()
  await app.user('kim', { admin: true })
  await app.user('lee')
  return app
}

test('an administrator locks an account out and lets it in again, and the log tells', async () => {
  await using app = await withPeople()
  const kim = await Visitor.of(app, 'kim')
  const lee = await Visitor.of(app, 'lee')
  expect((await kim.send(USERS, { name: 'lee', deed: 'disable' })).text).toContain('lee is locked out.')
  expect((await lee.open('/www/account')).text).not.toContain('>lee</a>')
  expect((await kim.send(USERS, { name: 'lee', deed: 'enable' })).text).toContain('lee may log in again.')
  const log = (await kim.open('/www/admin/audit')).text
  expect(log).toContain('account.disable')
  expect(log).toContain('account.enable')
})

test('an administrator makes another one, but cannot be made to leave none', async () => {
  await using app = await withPeople()
  const kim = await Visitor.of(app, 'kim')
  const lee = await Visitor.of(app, 'lee')
  expect((await lee.open(USERS)).status).toBe(403)
  await kim.send(USERS, { name: 'lee', deed: 'promote' })
  expect((await lee.open(USERS)).status).toBe(200)
  expect((await lee.send(USERS, { name: 'lee', deed: 'demote' })).status).toBe(403)
  expect((await kim.send(USERS, { name: 'nobody', deed: 'disable' })).status).toBe(404)
  expect((await kim.send(USERS, { name: 'lee', deed: 'constructor' })).status).toBe(400)
  expect((await kim.send(USERS, { name: 'le\0e', deed: 'disable' })).status).toBe(400)
})

test('a form without its key changes nothing', async () => {
  await using app = await withPeople()
  const kim = await Visitor.of(app, 'kim')
  const { status } = await kim.send(USERS, { name: 'lee', deed: 'disable', form_key: 'guessed' })
  expect(status).toBe(403)
  expect((await app.registry.accounts.find('lee'))?.disabledAt).toBeUndefined()
})

test('an invitation link makes one account', async () => {
  await using app = await withPeople()
  const kim = await Visitor.of(app, 'kim')
  const { text } = await kim.send(`${USERS}/invite`, { role: 'member' }, USERS)
  const secret = /\/www\/signup\?link=([\w-]+)/.exec(text)?.[1] ?? ''
  expect(await app.registry.signUp.roleOf(secret)).toBe('member')
  expect((await kim.open(USERS)).text).not.toContain(secret)
})

test('who is invited accepts or declines, into namespaces and as maintainer', async () => {
  await using app = await withPeople()
  const caller = await callerOf(app, 'kim')
  const publisher = await app.user('max')
  await publisher.publish('@max/box', '1.0.0')
  await app.registry.namespaces.create(caller, 'boxes')
  await app.registry.namespaces.create(caller, 'crates')
  await app.registry.namespaces.invite(caller, 'boxes', 'lee')
  await app.registry.namespaces.invite(caller, 'crates', 'lee')
  const box = { namespace: 'max', host: '', name: 'box' }
  await app.registry.maintainers.invite(await callerOf(app, 'max'), box, 'lee')
  const lee = await Visitor.of(app, 'lee')
  const path = '/www/invitations'
  expect((await lee.open(path)).text).toMatch(/boxes.*crates.*@max\/box/s)
  expect((await lee.send(path, { namespace: 'boxes', answer: 'accept' })).text).toContain('Accepted.')
  expect((await lee.send(path, { namespace: 'crates', answer: 'decline' })).text).toContain('Declined.')
  await lee.send(path, { namespace: 'lee', package: '@max/box', answer: 'accept' })
  expect((await lee.open(path)).text).toContain('None waits for you')
  expect(await app.registry.namespaces.of('lee')).toEqual(['boxes', 'lee'])
  expect((await lee.open('/www/package/@max/box')).text).toContain('href="/www/namespace/lee"')
  const again = await lee.send(path, { namespace: 'crates', answer: 'accept' }, '/www/account')
  expect(again.status).toBe(404)
})

test('who is not logged in is sent to log in, and comes back', async () => {
  await using app = await withPeople()
  const { status, headers } = await app.anonymous().get('/www/admin/mirror?page=2', { accept: 'text/html' })
  expect(status).toBe(302)
  expect(headers.get('location')).toBe('/www/login?next=%2Fwww%2Fadmin%2Fmirror%3Fpage%3D2')
  expect((await app.anonymous().get('/www/admin')).status).toBe(401) // no browser
})

test('an owner makes a team, fills it, grants it a package, and takes all of it back', async () => {
  await using app = await withPeople()
  const max = await app.user('max')
  await max.publish('@max/box', '1.0.0')
  const caller = await callerOf(app, 'max')
  await app.registry.namespaces.create(caller, 'boxes')
  await app.registry.namespaces.invite(caller, 'boxes', 'lee')
  await app.registry.namespaces.accept(await callerOf(app, 'lee'), 'boxes')
  const owner = await Visitor.of(app, 'max')
  const [home, ops] = ['/www/namespace/boxes', '/www/namespace/boxes/team/ops']
  expect((await owner.send(`${home}/team`, { team: 'Ops' }, home)).text).toMatch(
    /role="alert">.*use 1 to 100/,
  )
  expect((await owner.send(`${home}/team`, { team: 'ops' }, home)).text).toContain('The team is made.')
  const again = await owner.send(`${home}/team`, { team: 'ops' }, home)
  expect([again.status, again.text]).toEqual([400, expect.stringContaining('boxes:ops is there already.')])
  const deed = async (name: string, fields: Record<string, string>) =>
    (await owner.send(ops, { deed: name, ...fields })).text
  expect(await deed('add', { member: 'lee' })).toContain('lee is in the team.')
  expect(await deed('add', { member: 'kim' })).toContain('kim is no member of boxes')
  const grant = { package: '@max/box', permission: 'write' }
  expect(await deed('grant', grant)).toContain('The team may read and publish @max/box.')
  expect(await deed('grant', { ...grant, package: '@max/absent' })).toMatch(/role="alert">Could not find/)
  expect(await deed('grant', { permission: 'read' })).toContain('The form tells no package.')
  expect((await owner.open(home)).text).toMatch(/team\/ops".*user\/lee".*package\/@max\/box"/s)
  const asLee = () => callerOf(app, 'lee')
  expect(await app.registry.grants.ofUser(asLee, 'lee')).toHaveLength(1)
  expect(await deed('revoke', { package: '@max/box' })).toContain('is taken back.')
  expect(await deed('remove', { member: 'lee' })).toContain('lee has left the team.')
  expect((await owner.open(ops)).text).toMatch(/0 members.*0 packages/s)
  expect(await deed('explode', {})).toContain('There is nothing like this to do.')
  expect(await deed('destroy', {})).toContain('The team ops is no more.')
  expect((await owner.open(ops)).status).toBe(404)
})

test('members see the teams of their namespace and change nothing; others see none', async () => {
  await using app = await withPeople()
  const caller = await callerOf(app, 'kim')
  await app.user('bob')
  await app.registry.namespaces.create(caller, 'boxes')
  await app.registry.namespaces.invite(caller, 'boxes', 'lee')
  await app.registry.namespaces.accept(await callerOf(app, 'lee'), 'boxes')
  await app.registry.teams.create(caller, { namespace: 'boxes', team: 'ops' })
  const [home, ops] = ['/www/namespace/boxes', '/www/namespace/boxes/team/ops']
  const lee = await Visitor.of(app, 'lee')
  for (const page of [home, ops, `${home}/team/developers`]) {
    const { status, text } = await lee.open(page)
    expect([page, status, text.includes('action="/www/namespace')]).toEqual([page, 200, false])
  }
  expect((await lee.open(home)).text).toContain(`href="${ops}"`)
  const withKey = '/www/tokens'
  expect((await lee.send(`${home}/team`, { team: 'more' }, withKey)).status).toBe(403)
  expect((await lee.send(ops, { deed: 'destroy' }, withKey)).status).toBe(403)
  const bob = await Visitor.of(app, 'bob')
  expect((await bob.open(home)).text).not.toContain('ops')
  expect((await bob.open(ops)).status).toBe(403)
  expect((await bob.send(ops, { deed: 'destroy' }, withKey)).status).toBe(403)
  const { status, headers } = await app.anonymous().get(ops, { accept: 'text/html' })
  expect([status, headers.get('location')]).toEqual([302, `/www/login?next=${encodeURIComponent(ops)}`])
  // A form that was not ours changes nothing, an owner's neither.
  const kim = await Visitor.of(app, 'kim')
  expect((await kim.send(ops, { deed: 'destroy', form_key: 'guessed' }, home)).status).toBe(403)
  expect((await kim.open(ops)).status).toBe(200)
})
