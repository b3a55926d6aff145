import { expect } from 'vitest'
import type { Client } from '../clients/client.ts'
import { noTerminal } from '../support/terminal.ts'
import { NPM, row } from './rows.ts'
import { type Opened, works } from './stage.ts'

const PASSWORD = /password: ?$/i
const SECRET = /ent_[\w-]+/

/** What `npm token create` prints as the token. */
async function create(client: Client, ...args: readonly string[]): Promise<string> {
  const creating = client.atTerminal('token', 'create', ...args)
  await creating.answer(PASSWORD, 'kim-password', 'secret')
  const { code, output } = await creating.ended
  expect(code, output).toBe(0)
  return SECRET.exec(output)?.[0] ?? expect.fail(output)
}

row(
  {
    number: 88,
    statement: 'tokens are made, listed over pages, and revoked by part of a key or whole',
    clients: noTerminal ? [] : NPM,
  },
  async (stage, name) => {
    const { app, wire, kim } = await stage.registry()
    const client = await stage.client(name, wire, { token: kim.token })
    const readOnly = name === 'npm@10' ? '--read-only' : '--packages-and-scopes-permission=read-only'
    const [first, second] = [await create(client, readOnly), await create(client, readOnly)]
    const { tokens } = app.registry
    expect(await tokens.identify(first)).toMatchObject({ name: 'kim', mayPublish: false })
    // npm hides keys of this form in what it prints, but for their beginnings.
    const listed: { key: string; id?: string; token: string }[] = JSON.parse(
      await works(client, 'token', 'list', '--json'),
    )
    expect(listed).toHaveLength(3)
    const { key = '', id = key.slice(0, 12) } = listed.find(({ token }) => first.startsWith(token)) ?? {}
    await works(client, 'token', 'revoke', id)
    await works(client, 'token', 'revoke', second)
    expect([await tokens.identify(first), await tokens.identify(second)]).toEqual([undefined, undefined])
    await secondPage({ app, wire }, client)
  },
)

async function secondPage({ app, wire }: Pick<Opened, 'app' | 'wire'>, client: Client): Promise<void> {
  for (let count = 0; count < 100; count++)
    await app.registry.tokens.issue({ accountName: 'kim', description: 'one of many', access: 'read' })
  expect(JSON.parse(await works(client, 'token', 'list', '--json'))).toHaveLength(101)
  expect(wire.lines(/\/tokens\?page=1/)).toHaveLength(1)
}

row(
  {
    number: 89,
    statement: 'what a token is limited to – package, scope, network, time, reading – holds',
    clients: NPM,
  },
  async (stage, name) => {
    const { app, wire, kim } = await stage.registry()
    await kim.publish('@kim/box', '1.0.0')
    await kim.publish('@kim/crate', '1.0.0')
    const make = async (limits: object) => {
      const body = { password: 'kim-password', name: 'limited', ...limits }
      const { json } = await kim.send('POST', '/-/npm/v1/tokens', { body })
      return stage.client(name, wire, { token: json.token })
    }
    const tag = (client: Client, spec: string) => client.run('dist-tag', 'add', `${spec}@1.0.0`, 'stable')
    const ofPackage = await make({ packages: ['@kim/box'] })
    expect(await tag(ofPackage, '@kim/box')).toMatchObject({ code: 0 })
    expect((await tag(ofPackage, '@kim/crate')).output).toContain('E403')
    const ofScope = await make({ scopes: ['@acme'] })
    expect((await tag(ofScope, '@kim/crate')).output).toContain('E403')
    const elsewhere = await make({ cidr_whitelist: ['192.0.2.0/24'] })
    expect((await elsewhere.run('whoami')).output).toContain('E403')
    const reading = await make({ readonly: true })
    expect((await tag(reading, '@kim/crate')).output).toContain('E403')
    const { secret } = await app.registry.tokens.issue({
      accountName: 'kim',
      description: 'short',
      access: 'publish',
      lifetime: 1,
    })
    const late = await stage.client(name, wire, { token: secret })
    expect((await late.run('whoami')).output).toContain('E401')
  },
)
