import axe from 'axe-core'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { TestApp } from '../../support/app.ts'
import { noBrowser, openBrowser, openTab } from '../../support/browser.ts'
import { type Onlooker, showcase } from '../../support/showcase.ts'

/** Bytes of HTML, CSS and JavaScript that a page may have. */
const HEAVIEST = 100_000

/** Of the pages that are errors. */
const STATUS = new Map([
  ['not-here', 404],
  ['not-allowed', 403],
])

const DESKTOP = { width: 1280, height: 800 }
const PHONE = { width: 360, height: 740 }

describe.skipIf(noBrowser)('in a browser', () => {
  const opened = new AsyncDisposableStack()
  let app: TestApp
  let onlookers: readonly Onlooker[]
  let browser: Browser

  beforeAll(async () => {
    const shown = opened.use(await showcase())
    app = shown.app
    onlookers = shown.onlookers
    browser = opened.use(await openBrowser()).browser
  })
  afterAll(() => opened.disposeAsync())

  /** Opens every page as those see it who may, and resolves to what the browser complained about. */
  async function everyPage(
    options: BrowserContextOptions,
    look: (tab: Page, name: string) => Promise<void>,
  ): Promise<string[]> {
    const complaints: string[] = []
    for (const { cookies, pages } of onlookers) {
      await using visit = await openTab(browser, { cookies, ...options })
      for (const [name, path] of Object.entries(pages)) {
        const reply = await visit.tab.goto(app.url + path)
        expect(reply?.status(), name).toBe(STATUS.get(name) ?? 200)
        expect(visit.tab.url(), name).toBe(app.url + path)
        await look(visit.tab, name)
      }
      complaints.push(...visit.complaints)
    }
    return complaints
  }

  for (const [screen, viewport] of Object.entries({ desktop: DESKTOP, phone: PHONE }))
    for (const colorScheme of ['light', 'dark'] as const)
      test(`axe finds nothing to complain about on any page, ${colorScheme} on a ${screen}`, async () => {
        const found: string[] = []
        await everyPage({ colorScheme, viewport }, async (tab, name) => {
          for (const { id, nodes } of await violations(tab))
            found.push(`${name}: ${id} at ${nodes.map(({ target }) => target).join(', ')}`)
        })
        expect(found).toEqual([])
      }, 120_000)

  test('no page weighs more than 100 KB, and the browser complains about none', async () => {
    const complaints = await everyPage({}, async (tab, name) => {
      expect(await weightOf(tab), name).toBeLessThan(HEAVIEST)
    })
    expect(complaints).toEqual([expect.stringContaining('404'), expect.stringContaining('403')])
  })

  test('no page is wider than a phone', async () => {
    const wide: string[] = []
    await everyPage({ viewport: PHONE }, async (tab, name) => {
      const width = await tab.evaluate(() => document.documentElement.scrollWidth)
      if (width > PHONE.width) wide.push(`${name}: ${width}`)
    })
    expect(wide).toEqual([])
  })

  test('what was counted stands in charts, and in tables beside them', async () => {
    await using visit = await openTab(browser, { cookies: onlookers[0]?.cookies ?? [] })
    const { tab } = visit
    for (const [path, names] of Object.entries({
      '/www/package/@kim/box': ['Downloads by day'],
      '/www/admin/mirror': ['Tarballs asked for, by day', 'Bytes by day'],
      '/www/admin/storage': ['Tarballs by day'],
    })) {
      await tab.goto(app.url + path)
      for (const name of names) expect(await tab.getByRole('img', { name }).isVisible(), name).toBe(true)
      const table = tab.getByRole('table').filter({ has: tab.getByRole('columnheader', { name: 'Day' }) })
      expect(await table.first().isVisible()).toBe(false)
      await tab.getByText('As a table').first().click()
      expect(await table.first().getByRole('row').count()).toBe(31)
    }
  })

  test('without scripts a visitor searches, opens a package, and compares two versions', async () => {
    await using visit = await openTab(browser, { javaScriptEnabled: false })
    const { tab } = visit
    await tab.goto(app.url)
    expect(await tab.getByRole('button', { name: 'Copy' }).count()).toBe(0)
    await tab.getByRole('searchbox').fill('shelf')
    await tab.getByRole('button', { name: 'Search' }).click()
    await tab.getByRole('link', { name: '@kim/box' }).click()
    await tab.getByRole('link', { name: 'Versions' }).click()
    await tab.getByLabel('From').selectOption('1.0.0')
    await tab.getByLabel('To').selectOption('2.0.0-beta.1')
    await tab.getByRole('button', { name: 'Compare' }).click()
    await tab.getByRole('heading', { name: 'Other scripts run when it is installed' }).waitFor()
    await tab.getByRole('link', { name: 'Files' }).click()
    await tab.getByRole('link', { name: 'docs/' }).click()
    await tab.getByRole('link', { name: 'guide.md' }).click()
    await tab.getByText('Put things in. Take them out.').waitFor()
  })

  test('a line is copied with its button', async () => {
    await using visit = await openTab(browser, { permissions: ['clipboard-read', 'clipboard-write'] })
    const { tab } = visit
    await tab.goto(`${app.url}/www/package/@kim/box`)
    await tab.getByRole('button', { name: 'Copy: install this package' }).click()
    await tab.getByText('Copied').waitFor()
    expect(await tab.evaluate(() => navigator.clipboard.readText())).toBe('npm install @kim/box')
  })

  test('the keyboard finds its way: past the header, and to the search', async () => {
    await using visit = await openTab(browser)
    const { tab } = visit
    await tab.goto(`${app.url}/www/package/@kim/box`)
    await tab.keyboard.press('Tab')
    await tab.keyboard.press('Enter')
    expect(new URL(tab.url()).hash).toBe('#main')
    await tab.keyboard.press('/')
    await tab.keyboard.type('lid')
    await tab.keyboard.press('Enter')
    await tab.getByRole('heading', { name: 'Search for “lid”' }).waitFor()
  })
})

async function violations(tab: Page): Promise<axe.Result[]> {
  await tab.evaluate(axe.source)
  // Its own script, put into the page the line above, answers with its own type.
  return (await tab.evaluate('axe.run().then(({ violations }) => violations)')) as axe.Result[]
}

/** Bytes of the page and of what it brings along, pictures apart; a file that the browser keeps counts as well. */
async function weightOf(tab: Page): Promise<number> {
  const html = await tab.content()
  const parts = await tab
    .locator('link[rel=stylesheet], script[src]')
    .evaluateAll((all) => all.map((it) => it.getAttribute('href') ?? it.getAttribute('src') ?? ''))
  const replies = await Promise.all(parts.map((part) => fetch(new URL(part, tab.url()))))
  const bytes = await Promise.all(replies.map(async (reply) => (await reply.arrayBuffer()).byteLength))
  return bytes.reduce((sum, it) => sum + it, Buffer.byteLength(html))
}
