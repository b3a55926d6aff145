import { execFile } from 'node:child_process'
import { createReadStream, existsSync, readFileSync } from 'node:fs'
import { mkdir, rename, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import ssri from 'ssri'
import { cache, root } from './paths.ts'
import type { NodePackage } from './targets.ts'

const run = promisify(execFile)

/** The path of a Node binary: installed with our own dependencies, or else fetched from npm and checked against its pin. */
export async function nodeBinary({ name, version, integrity, binary }: NodePackage): Promise<string> {
  const installed = join(root, 'node_modules', name)
  if (versionOf(installed) === version) return join(installed, binary)
  const folder = join(cache, `${name}-${version}`)
  if (!existsSync(folder)) await fetchPackage({ spec: `${name}@${version}`, integrity, folder })
  return join(folder, binary)
}

function versionOf(folder: string): string | undefined {
  const manifest = join(folder, 'package.json')
  return existsSync(manifest) ? JSON.parse(readFileSync(manifest, 'utf8')).version : undefined
}

type Wanted = { readonly spec: string; readonly integrity: string; readonly folder: string }

async function fetchPackage({ spec, integrity, folder }: Wanted): Promise<void> {
  const aside = `${folder}.new`
  await rm(aside, { recursive: true, force: true })
  await mkdir(aside, { recursive: true })
  const npm = join(root, 'node_modules/npm/bin/npm-cli.js')
  const pack = [npm, 'pack', spec, '--silent', '--pack-destination', aside]
  const { stdout } = await run(process.execPath, pack, { cwd: aside })
  const tarball = join(aside, stdout.trim())
  await ssri.checkStream(createReadStream(tarball), integrity)
  await run('tar', ['-xzf', tarball, '--strip-components=1', '-C', aside])
  await rm(tarball)
  await rename(aside, folder)
}
