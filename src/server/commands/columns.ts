import { stripVTControlCharacters } from 'node:util'

/** Rows as aligned columns, a line each. What people wrote cannot steer the terminal: control characters are dropped. */
export function columns(rows: readonly (readonly string[])[]): string {
  const clean = rows.map((row) => row.map((cell) => stripVTControlCharacters(cell).replace(/\p{Cc}/gu, ' ')))
  const widths: number[] = []
  for (const row of clean)
    for (const [at, cell] of row.entries()) widths[at] = Math.max(widths[at] ?? 0, cell.length)
  const line = (row: readonly string[]) => row.map((cell, at) => cell.padEnd(widths[at] ?? 0)).join('  ')
  return clean.map((row) => `${line(row).trimEnd()}\n`).join('')
}

/** A moment as people read it in a list: to the minute, UTC. */
export function momentOf(millis: number | undefined): string {
  return millis === undefined ? 'never' : `${new Date(millis).toISOString().slice(0, 16).replace('T', ' ')}Z`
}

const UNITS = ['bytes', 'kB', 'MB', 'GB', 'TB'] as const

/** Bytes as people read them; a kB is 1000 of them. */
export function sizeOf(bytes: number): string {
  const power = Math.min(Math.floor(Math.log10(Math.max(bytes, 1)) / 3), UNITS.length - 1)
  return `${power === 0 ? bytes : (bytes / 1000 ** power).toFixed(1)} ${UNITS[power]}`
}
