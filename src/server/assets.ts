import { readdirSync, readFileSync } from 'node:fs'
import { join, sep } from 'node:path'
import { getAsset, getRawAsset, isSea } from 'node:sea'

/** Whether this is the executable, which has its files inside. */
export const isExecutable = isSea()
/** Whether this is the sources, neither the executable nor installed as a package. */
export const isCheckout = !isExecutable && !import.meta.dirname.split(sep).includes('node_modules')

const INDEX = 'index.json'

/** The bytes of a file that ships with the program; `path` begins at the top of the checkout, as in `migrations/0001-accounts.sql`. */
export function readAsset(path: string): Buffer {
  if (!isExecutable) return readFileSync(join(checkout(), path))
  // Typed for assets of any origin; in an executable it is always the buffer that lies in it.
  return Buffer.from(getRawAsset(path) as ArrayBuffer)
}

/** The texts of the files in a folder that ships with the program, by their names in it. */
export function readAssetFolder(folder: string): Record<string, string> {
  const names = isExecutable ? bundledNames(folder) : readdirSync(join(checkout(), folder))
  return Object.fromEntries(names.map((name) => [name, readAsset(`${folder}/${name}`).toString()]))
}

/** The build writes what it bundles into an index: older versions of Node cannot list what is inside. */
function bundledNames(folder: string): string[] {
  // Our own build wrote it.
  const paths = JSON.parse(getAsset(INDEX, 'utf8')) as string[]
  const inside = paths.filter((path) => path.startsWith(`${folder}/`))
  return inside.map((path) => path.slice(folder.length + 1)).filter((name) => !name.includes('/'))
}

const checkout = () => join(import.meta.dirname, '../..')
