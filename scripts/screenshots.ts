import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { openBrowser, openTab } from '../test/support/browser.ts'
import { showcase } from '../test/support/showcase.ts'

const HELP = `Takes a picture of every page, light and dark, on a desktop and on a phone.

  node scripts/screenshots.ts FOLDER [--only NAME]
`

const { values, positionals } = parseArgs({ allowPositionals: true, options: { only: { type: 'string' } } })
const [folder] = positionals
if (folder === undefined) {
  process.stdout.write(HELP)
  process.exit(2)
}

const screens = { desktop: { width: 1280, height: 800 }, phone: { width: 390, height: 844 } } as const

await mkdir(folder, { recursive: true })
await using shown = await showcase()
await using opened = await openBrowser()
for (const colorScheme of ['light', 'dark'] as const)
  for (const [screen, viewport] of Object.entries(screens))
    for (const visitor of shown.onlookers) {
      await using visit = await openTab(opened.browser, { cookies: visitor.cookies, colorScheme, viewport })
      for (const [name, path] of Object.entries(visitor.pages)) {
        if (values.only !== undefined && !name.startsWith(values.only)) continue
        await visit.tab.goto(shown.app.url + path)
        const file = join(folder, `${name}-${screen}-${colorScheme}.png`)
        await visit.tab.screenshot({ path: file, fullPage: true })
        process.stdout.write(`${file}\n`)
      }
    }
