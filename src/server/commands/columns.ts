import { stripVTControlCharacters } from 'node:util'

/** What people wrote, on one line, where it cannot steer the terminal nor turn the order of its letters: such characters are dropped. */
export function plain(text: string): string {
  return stripVTControlCharacters(text).replace(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/gu, ' ')
}

/** Rows as aligned columns, a line each, in plain text. */
export function columns(rows: readonly (readonly string[])[]): string {
  const clean = rows.map((row) => row.map(plain))
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

/** `1 entry`, `2 entries`. */
export function counted(value: number, one: string, many: string = `${one}s`): string {
  return `${value} ${value === 1 ? one : many}`
}
