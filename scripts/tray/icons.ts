import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import type { Mood } from '../../src/tray/electron-api.ts'
import { openBrowser } from '../../test/support/browser.ts'

// Draws the icons in src/tray/icons, which are kept there: `node scripts/tray/icons.ts` after a change of the drawing.

const folder = join(import.meta.dirname, '../../src/tray/icons')
const SIZE = 22

type Colours = { readonly ink: string; readonly accent: string; readonly alarm: string }

const panels: Readonly<Record<string, Colours>> = {
  '-light': { ink: '#1f1c17', accent: '#a8380f', alarm: '#d01030' },
  '-dark': { ink: '#f6f1e8', accent: '#ff9b70', alarm: '#ff5470' },
  // macOS takes the shape alone.
  Template: { ink: '#000', accent: '#000', alarm: '#000' },
}

/** A parcel on a grid of 22: full when all is well, empty when nothing runs, with a dot when somebody should look. */
function drawing(mood: Mood, { ink, accent, alarm }: Colours): string {
  const outline = 'M11 2 19 6.5V15.5L11 20 3 15.5V6.5Z'
  const edges = 'M3 6.5 11 11 19 6.5M11 11V20'
  const fill = mood === 'idle' ? '' : `<path d="M11 11 19 6.5V15.5L11 20Z" fill="${accent}"/>`
  const lines = `<path d="${outline}${edges}" fill="none" stroke="${ink}" stroke-width="1.8" stroke-linejoin="round"/>`
  if (mood !== 'trouble') return svg(`${fill}${lines}`)
  // What lies under the dot and its rim is cut away, since the panel's colour is unknown.
  const mask =
    '<mask id="hole"><rect width="22" height="22" fill="#fff"/><circle cx="17" cy="17" r="6"/></mask>'
  const dot = `<circle cx="17" cy="17" r="4.4" fill="${alarm}"/>`
  return svg(`${mask}<g mask="url(#hole)">${fill}${lines}</g>${dot}`)
}

function svg(inside: string): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" width="100%" viewBox="0 0 ${SIZE} ${SIZE}" style="display:block">${inside}</svg>`
}

/** What the installers show: the parcel on a sheet of paper. */
function appIcon(): string {
  const parcel = drawing('well', panels['-light'] as Colours) // it is in the table above
  return `<div style="height:100vh;box-sizing:border-box;padding:14vh;background:#fbfaf7;border-radius:22vh">${parcel}</div>`
}

await mkdir(folder, { recursive: true })
await using opened = await openBrowser()

async function render(markup: string, size: number, name: string): Promise<void> {
  await using page = await opened.browser.newPage({ viewport: { width: size, height: size } })
  await page.setContent(`<body style="margin:0">${markup}`)
  await page.screenshot({ path: join(folder, `${name}.png`), omitBackground: true })
}

for (const mood of ['well', 'idle', 'trouble'] as const)
  for (const [panel, colours] of Object.entries(panels)) {
    await render(drawing(mood, colours), SIZE, `${mood}${panel}`)
    await render(drawing(mood, colours), 2 * SIZE, `${mood}${panel}@2x`)
  }
await render(appIcon(), 512, 'app')
