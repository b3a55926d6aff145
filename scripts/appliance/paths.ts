import { join } from 'node:path'
import manifest from '../../package.json' with { type: 'json' }

export const root = join(import.meta.dirname, '../..')
export const dist = join(root, 'dist')
/** Working files and downloads, kept from build to build. */
export const cache = join(root, 'node_modules/.cache/entropic-build')
export const version = manifest.version

/** The file of a target in dist/. */
export const fileName = (target: string) =>
  `entropic-${version}-${target}${target.startsWith('win') ? '.exe' : ''}`
