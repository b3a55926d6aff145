import { Secret } from 'otpauth'
import { expect } from 'vitest'
import type { ClientName } from '../clients/client.ts'
import type { TestApp } from '../support/app.ts'
import { TurnedClock } from '../support/mirror.ts'
import { phoneOf, withFactor } from '../support/second-factor.ts'
import { noTerminal, type Terminal } from '../support/terminal.ts'
import { Visitor } from '../support/visitor.ts'
import { ALL, NPM, PNPM, row } from './rows.ts'
import { fails, publishing, type Stage, works } from './stage.ts'

const PASSWORD = /password: ?$/i
const OTP = /(?:OTP:|authenticator:) ?$/

/** A registry with a clock of its own and kim's computer, which holds @kim/box. */
async function desk(stage: Stage, name: ClientName) {
  const clock = new TurnedClock()
  const { app, wire, kim } = await stage.registry({ clock })
  const client = await stage.client(name, wire, { token: kim.token })
  await client.write('package.json', { name: '@kim/box', version: '1.0.0' })
  return { app, clock, wire, client }
}

type Desk = Awaited<ReturnType<typeof desk>>

/** Resolves to what the phone shows and to a recovery code. */
async function enable({ client, clock }: Desk, mode: string) {
  const enabling = client.atTerminal('profile', 'enable-2fa', mode)
  await enabling.answer(PASSWORD, 'kim-password', 'secret')
  const secret = (await enabling.printed(/enter code: [A-Z2-7]{16,}/i)).replace(/.* /, '')
  const code = phoneOf(secret, clock)
  await enabling.answer(OTP, code())
  const { code: exit, output } = await enabling.ended
  expect([exit, output]).toEqual([0, expect.stringContaining('2FA successfully enabled')])
  const [recovery = ''] = /(?<=recovery codes.*?^\s+)\S+$/ms.exec(output) ?? []
  return { code, recovery }
}

/** Gives the code in the browser, where clients send whoever sits before them. */
async function confirm(terminal: Terminal, app: TestApp, code: () => string): Promise<void> {
  const url = new URL(await terminal.printed(/http\S+\/www\/login\/confirm\?id=[\w-]+/))
  const kim = new Visitor(app.url)
  await kim.logIn('kim')
  await kim.submit('/www/login/code', { code: code() })
  await kim.get(url.pathname + url.search)
  await kim.submit('/www/login/answer', { answer: 'allow', code: code() })
}

async function modeOf({ registry }: TestApp) {
  const kim = await registry.accounts.find('kim')
  return (await registry.twoFactor.status(kim?.id ?? ''))?.mode
}

/** Turns the second factor on without a client. */
async function phoneAt({ app, clock }: Desk, mode: 'auth-only' | 'auth-and-writes') {
  const kim = (await app.registry.accounts.find('kim')) ?? expect.fail('kim has an account')
  const secret = new URL(await app.registry.twoFactor.begin(kim, mode)).searchParams.get('secret') ?? ''
  const code = phoneOf(Secret.fromBase32(secret).base32, clock)
  await app.registry.twoFactor.confirm(kim, code(), { address: '' })
  return code
}

row(
  {
    number: 84,
    statement: 'a publish that needs a code sends people to the browser, and goes on by itself',
    clients: noTerminal ? [] : [...NPM, ...PNPM, 'bun'],
  },
  async (stage, name) => {
    const at = await desk(stage, name)
    const code = await phoneAt(at, 'auth-and-writes')
    const terminal = at.client.atTerminal(...publishing(at.client))
    await confirm(terminal, at.app, code)
    const { code: exit, output } = await terminal.ended
    expect([exit, output]).toEqual([0, expect.stringContaining('@kim/box@1.0.0')])
  },
)

row(
  {
    number: 85,
    statement: 'a one-time password given along is taken, a wrong one is asked for again',
    clients: ALL,
  },
  async (stage, name) => {
    const { app, wire, kim } = await stage.registry()
    const phone = await withFactor(app, 'auth-and-writes')
    const client = await stage.client(name, wire, { token: kim.token })
    await client.write('package.json', { name: '@kim/box', version: '1.0.0' })
    if (name === 'berry') await works(client, 'install')
    const publish = (otp: string) => [...publishing(client), '--otp', otp]
    await fails(client, ...publish('000000'))
    expect(wire.heard.findLast(({ method }) => method === 'PUT')).toMatchObject({ status: 401 })
    await works(client, ...publish(phone.code()))
    const guess = () =>
      kim.send('DELETE', '/-/package/@kim%2fbox/dist-tags/x', { headers: { 'npm-otp': '000000' } })
    for (let guesses = 0; guesses < 10; guesses++) await guess()
    const { status, headers } = await guess()
    expect([status, Number(headers.get('retry-after'))]).toEqual([429, expect.any(Number)])
  },
)

row(
  {
    number: 86,
    statement: 'without a terminal the error names the addresses for the browser',
    // npm 10 keeps them to itself.
    clients: ['npm', 'npm@12'],
  },
  async (stage, name) => {
    const { app, wire, kim } = await stage.registry()
    await withFactor(app, 'auth-and-writes')
    const client = await stage.client(name, wire, { token: kim.token })
    await client.write('package.json', { name: '@kim/box', version: '1.0.0' })
    const output = await fails(client, 'publish', '--json')
    expect(output).toContain('EOTP')
    expect(output).toMatch(/"authUrl": "http\S+\/www\/login\/confirm\?id=/)
    expect(output).toMatch(/"doneUrl": "http/)
  },
)

row(
  {
    number: 87,
    statement: 'the profile is shown and changed; the second factor is turned on, changed and turned off',
    clients: noTerminal ? [] : NPM,
  },
  async (stage, name) => {
    const at = await desk(stage, name)
    const { app, client } = at
    await works(client, 'profile', 'set', 'email', 'kim@example.org')
    expect(await works(client, 'profile', 'get')).toContain('kim@example.org')
    const { code, recovery } = await enable(at, 'auth-only')
    expect(await modeOf(app)).toBe('auth-only')
    await changeFactor(at, ['enable-2fa', 'auth-and-writes'], code)
    expect(await modeOf(app)).toBe('auth-and-writes')
    await works(client, 'publish', '--otp', recovery)
    await changeFactor(at, ['disable-2fa'], code)
    expect(await modeOf(app)).toBeUndefined()
  },
)

async function changeFactor({ app, client }: Desk, words: string[], code: () => string): Promise<void> {
  const changing: Terminal = client.atTerminal('profile', ...words)
  await changing.answer(PASSWORD, 'kim-password', 'secret')
  // npm 10 asks for the code itself, before anybody wants it.
  if (client.name === 'npm@10')
    await changing.answer(/one-time password: ?$/im, code()) // the line's end of the first question may come behind it
  else await confirm(changing, app, code)
  expect(await changing.ended).toMatchObject({ code: 0 })
}
