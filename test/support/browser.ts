import { existsSync } from 'node:fs'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'

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
  options: BrowserContextOptions = {},
): Promise<AsyncDisposable & { tab: Page; complaints: string[] }> {
  const context = await browser.newContext(options)
  const tab = await context.newPage()
  const complaints: string[] = []
  tab.on('pageerror', (error) => complaints.push(error.message))
  tab.on('console', (message) => {
    if (message.type() === 'error') complaints.push(message.text())
  })
  return { tab, complaints, [Symbol.asyncDispose]: () => context.close() }
}
