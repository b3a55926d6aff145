import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Secret, TOTP } from 'otpauth'
import { describe, expect, test } from 'vitest'
import { type TestApp, testApp } from '../support/app.ts'
import { TurnedClock } from '../support/mirror.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { noTerminal, Terminal, writeNpmrc } from '../support/terminal.ts'
import { Visitor } from '../support/visitor.ts'

const PASSWORD = /password: ?$/i
const OTP = /(?:OTP:|authenticator:) ?$/

/** kim's computer, with kim's telephone beside it: each of its codes is a new one. */
async function open() {
  await using opening = new AsyncDisposableStack()
  const clock = new TurnedClock()
  const app = opening.use(await testApp({ clock }))
  const folder = opening.use(await temporaryFolder())
  const { token = '' } = await app.user('kim')
  await writeNpmrc(folder.path, { url: app.url, token })
  const npm = (...args: string[]) => Terminal.npm(folder.path, args)
  const box = (version: string) =>
    writeFile(join(folder.path, 'package.json'), JSON.stringify({ name: '@kim/box', version }))
  const closing = opening.move()
  return { app, clock, folder: folder.path, npm, box, [Symbol.asyncDispose]: () => closing.disposeAsync() }
}

function phoneOf(secret: string, clock: TurnedClock): () => string {
  const totp = new TOTP({ secret: Secret.fromBase32(secret) })
  return () => {
    clock.turn(30_000)
    return totp.generate({ timestamp: clock.now() })
  }
}

async function enable({ npm, clock }: Awaited<ReturnType<typeof open>>, mode: string) {
  const enabling = await npm('profile', 'enable-2fa', mode)
  await enabling.answer(PASSWORD, 'kim-password')
  const secret = (await enabling.printed(/enter code: [A-Z2-7]{16,}/i)).replace(/.* /, '')
  const code = phoneOf(secret, clock)
  await enabling.answer(OTP, code())
  const { code: exit, output } = await enabling.ended
  expect(output).toContain('2FA successfully enabled')
  expect(exit).toBe(0)
  return code
}

/** Gives the code in the browser, where npm sends whoever sits before it. */
async function confirm(terminal: Terminal, app: TestApp, code: () => string): Promise<void> {
  const url = new URL(await terminal.printed(/http\S+\/www\/login\/confirm\?id=[\w-]+/))
  const kim = new Visitor(app.url)
  await kim.logIn('kim')
  await kim.submit('/www/login/code', { code: code() })
  await kim.get(url.pathname + url.search)
  await kim.submit('/www/login/answer', { answer: 'allow', code: code() })
}

const modeOf = async ({ registry }: TestApp) => {
  const kim = await registry.accounts.find('kim')
  return (await registry.twoFactor.status(kim?.id ?? ''))?.mode
}

describe.skipIf(noTerminal)('npm at a terminal', () => {
  test('turns the second factor on, changes what it is for, and turns it off again', async () => {
    await using at = await open()
    const code = await enable(at, 'auth-only')
    expect(await modeOf(at.app)).toBe('auth-only')
    const changing = await at.npm('profile', 'enable-2fa', 'auth-and-writes')
    await changing.answer(PASSWORD, 'kim-password')
    await confirm(changing, at.app, code)
    expect(await changing.ended).toMatchObject({ code: 0 })
    expect(await modeOf(at.app)).toBe('auth-and-writes')
    const disabling = await at.npm('profile', 'disable-2fa')
    await disabling.answer(PASSWORD, 'kim-password')
    await confirm(disabling, at.app, code)
    expect((await disabling.ended).output).toContain('Two factor authentication disabled.')
    expect(await modeOf(at.app)).toBeUndefined()
  }, 40_000)

  test('is sent to the browser for a publish that needs a code, and goes on by itself', async () => {
    await using at = await open()
    const code = await enable(at, 'auth-and-writes')
    await at.box('1.0.0')
    const publishing = await at.npm('publish')
    await confirm(publishing, at.app, code)
    expect(await publishing.ended).toMatchObject({
      code: 0,
      output: expect.stringContaining('+ @kim/box@1.0.0'),
    })
  }, 40_000)

  test('publishes with the code behind --otp, and is asked at the terminal for another when that was used before', async () => {
    await using at = await open()
    const code = await enable(at, 'auth-and-writes')
    await at.box('1.0.0')
    const typed = code()
    expect(await (await at.npm('publish', '--otp', typed)).ended).toMatchObject({
      code: 0,
      output: expect.stringContaining('+ @kim/box@1.0.0'),
    })
    await at.box('1.1.0')
    const again = await at.npm('publish', '--otp', typed)
    await again.answer(OTP, code())
    expect(await again.ended).toMatchObject({ code: 0, output: expect.stringContaining('+ @kim/box@1.1.0') })
  }, 40_000)

  test('logs in with name, password and code, makes, lists and revokes a token, and logs out', async () => {
    await using at = await open()
    const code = await enable(at, 'auth-only')
    await writeNpmrc(at.folder, { url: at.app.url })
    const login = await at.npm('login', '--auth-type=legacy')
    await login.answer(/Username: ?$/, 'kim')
    await login.answer(PASSWORD, 'kim-password')
    await login.answer(OTP, code())
    expect(await login.ended).toMatchObject({ code: 0, output: expect.stringContaining('Logged in') })

    const creating = await at.npm('token', 'create', '--packages-and-scopes-permission=read-only')
    await creating.answer(PASSWORD, 'kim-password')
    await confirm(creating, at.app, code)
    const { output } = await creating.ended
    const secret = /ent_[\w-]+/.exec(output)?.[0] ?? expect.fail(output)
    expect(await at.app.registry.tokens.identify(secret)).toMatchObject({ name: 'kim', mayPublish: false })
    const listed = (await (await at.npm('token', 'list', '--parseable')).ended).output
    expect(listed).toContain(secret.slice(0, 8))
    const id =
      listed
        .split('\n')
        .find((line) => line.includes(secret.slice(0, 8)))
        ?.split('\t')[2] ?? ''
    expect(await (await at.npm('token', 'revoke', id, '--otp', code())).ended).toMatchObject({ code: 0 })
    expect(await at.app.registry.tokens.identify(secret)).toBeUndefined()
    expect(await (await at.npm('logout')).ended).toMatchObject({ code: 0 })
    expect(await at.app.registry.tokens.list('kim')).toHaveLength(1)
  }, 40_000)
})
