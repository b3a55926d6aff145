import { execFile } from 'node:child_process'
import { cp, mkdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import manifest from '../../package.json' with { type: 'json' }
import { bundle } from './bundle.ts'
import { BUNDLED_FOLDERS } from './executable.ts'
import { inventoryOf } from './inventory.ts'
import { root } from './paths.ts'

const run = promisify(execFile)

/** The only part that cannot be bundled: it brings a library for each system. */
const DRIVER = 'better-sqlite3'
/** As deep below the package's top as its source is below the checkout's, so that it finds its files in the same places. */
const CODE = 'src/server/entropic.cjs'
const EXPORTS = `
  export { main } from './src/server/main.ts'
  export { startRegistry } from './src/server/fixture.ts'`

const FIXTURE = `import entropic from './${CODE}'

export const startRegistry = entropic.startRegistry
`
const FIXTURE_TYPES = `import type { StartRegistry } from './api.js'

export type * from './api.js'

/** Starts a registry for tests. */
export declare const startRegistry: StartRegistry
`

/**
 * Lays the npm package out in `folder`: one bundled file, its types, and the same command as the checkout's. Resolves with the path of the
 * tarball that npm packs from it into `out`.
 */
export async function makeNpmPackage(folder: string, out: string): Promise<string> {
  await rm(folder, { recursive: true, force: true })
  const { code, inputs } = await bundle({ source: EXPORTS, external: [DRIVER] })
  const { sbom, licences } = await inventoryOf(inputs)
  const files: Record<string, Uint8Array | string> = {
    [CODE]: code,
    'fixture.js': FIXTURE,
    'fixture.d.ts': FIXTURE_TYPES,
    'package.json': `${JSON.stringify(packageManifest(), undefined, 2)}\n`,
    'sbom.cdx.json': sbom,
    'licences.txt': licences,
    'scripts/entropic.mjs': await launcher(),
    'README.md': await readFile(join(root, 'docs/appliance.md')),
  }
  await mkdir(join(folder, 'scripts'), { recursive: true })
  for (const bundled of BUNDLED_FOLDERS)
    await cp(join(root, bundled), join(folder, bundled), { recursive: true })
  for (const [path, content] of Object.entries(files)) await writeFile(join(folder, path), content)
  await declareTypes(folder)
  const npm = join(root, 'node_modules/npm/bin/npm-cli.js')
  const pack = [npm, 'pack', '--silent', '--pack-destination', out]
  const { stdout } = await run(process.execPath, pack, { cwd: folder })
  return join(out, stdout.trim())
}

function packageManifest(): object {
  const { name, version, description, license, type, engines, bin, dependencies } = manifest
  return {
    name,
    version,
    description,
    license,
    type,
    engines,
    bin,
    exports: {
      './fixture': { types: './fixture.d.ts', default: './fixture.js' },
      './package.json': './package.json',
    },
    dependencies: { [DRIVER]: dependencies[DRIVER] },
  }
}

/** The checkout's own, which starts the sources there. */
async function launcher(): Promise<string> {
  const text = await readFile(join(root, 'scripts/entropic.mjs'), 'utf8')
  return text.replace('src/server/main.ts', CODE)
}

async function declareTypes(folder: string): Promise<void> {
  const tsc = join(root, 'node_modules/typescript/bin/tsc')
  const language = [
    '--ignoreConfig',
    '--target',
    'es2024',
    '--lib',
    'esnext',
    '--module',
    'nodenext',
    '--types',
    '',
  ]
  const emit = ['--strict', '--declaration', '--emitDeclarationOnly', '--outDir', folder]
  await run(process.execPath, [tsc, ...language, ...emit, join(root, 'src/server/fixture/api.ts')])
}
