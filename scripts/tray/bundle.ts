import { cp, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { build } from 'esbuild'
import { root, version } from '../appliance/paths.ts'
import { trayFolder } from './paths.ts'

/** Fills trayFolder anew. */
export async function bundleTray(): Promise<void> {
  await rm(trayFolder, { recursive: true, force: true })
  await build({
    entryPoints: [join(root, 'src/tray/main.ts')],
    outfile: join(trayFolder, 'main.cjs'),
    bundle: true,
    platform: 'node',
    format: 'cjs',
    target: 'node20',
    external: ['electron'],
    define: { 'import.meta.dirname': '__dirname' },
    logLevel: 'warning',
  })
  await cp(join(root, 'src/tray/icons'), join(trayFolder, 'icons'), { recursive: true })
  const manifest = {
    name: 'entropic-tray',
    productName: 'Entropic',
    description: 'A package registry in the tray',
    author: 'The Entropic contributors',
    license: 'Apache-2.0',
    version,
    main: 'main.cjs',
  }
  await writeFile(join(trayFolder, 'package.json'), JSON.stringify(manifest))
}
