import { createHmac, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { days } from '../../src/base/time.ts'
import { SESSION_SECRET, type TestApp } from './app.ts'

export type Cookie = { readonly name: string; readonly value: string; readonly url: string }

const CHROMIUM = '/usr/bin/chromium'

const missing = existsSync(CHROMIUM) ? undefined : `${CHROMIUM} is not installed`
if (missing !== undefined && process.env.REQUIRE_ALL === '1') throw new Error(missing)
if (missing !== undefined) console.warn(`skipped – ${missing}`)

/** Whether browser tests must be skipped here; why is on the console. */
export const noBrowser = missing !== undefined

/** A headless Chromium that calls nobody. */
export async function openBrowser(): Promise<AsyncDisposable & { browser: Browser }> {
  const browser = await chromium.launch({
    executablePath: CHROMIUM,
    args: ['--no-sandbox', '--disable-gpu', '--disable-background-networking', '--disable-component-update'],
  })
  return { browser, [Symbol.asyncDispose]: () => browser.close() }
}

/** A tab of a visitor of its own. What goes wrong in it (a script's error, a breach of the CSP) is kept in `complaints`. */
export async function openTab(
  browser: Browser,
  { cookies = [], ...options }: BrowserContextOptions & { cookies?: readonly Cookie[] } = {},
): Promise<AsyncDisposable & { tab: Page; complaints: string[] }> {
  const context = await browser.newContext(options)
  await context.addCookies([...cookies])
  const tab = await context.newPage()
  const complaints: string[] = []
  tab.on('pageerror', (error) => complaints.push(error.message))
  tab.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  return { tab, complaints, [Symbol.asyncDispose]: () => context.close() }
}

/** A key with a fingerprint reader that always finds the right finger. */
export async function plugInKey(tab: Page): Promise<void> {
  const devtools = await tab.context().newCDPSession(tab)
  await devtools.send('WebAuthn.enable')
  await devtools.send('WebAuthn.addVirtualAuthenticator', {
    options: {
      protocol: 'ctap2',
      transport: 'internal',
      hasResidentKey: true,
      hasUserVerification: true,
      isUserVerified: true,
      automaticPresenceSimulation: true,
    },
  })
}

/** The cookies of somebody who is logged in, without walking through the login. */
export async function loggedIn(app: TestApp, name: string): Promise<Cookie[]> {
  const account = await app.registry.accounts.find(name)
  if (!account) throw new Error(`there is no ${name}`)
  const key = `${randomUUID()}.for-tests`
  const lifetime = days(1)
  const data = { accountId: account.id, _expire: Date.now() + lifetime, _maxAge: lifetime }
  await app.registry.sessions.open(key, data, { lifetime, address: '127.0.0.1', agent: 'tests' })
  const signature = createHmac('sha1', SESSION_SECRET).update(`s=${key}`).digest('base64url')
  return [
    { name: 's', value: key, url: app.url },
    { name: 's.sig', value: signature, url: app.url },
  ]
}

export const cookieHeader = (cookies: readonly Cookie[]): string =>
  cookies.map(({ name, value }) => `${name}=${value}`).join('; ')
