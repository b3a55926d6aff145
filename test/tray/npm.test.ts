import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { startUpstream } from '../support/upstream.ts'
import { openTray, serverOf } from './support.ts'

const NPM = join(import.meta.dirname, '../../node_modules/npm/bin/npm-cli.js')
const NPMRC = '; mine\r\nfund=false\r\nregistry = https://npm.acme.example/'

/** npm in the folder, with nothing but its npmrc to tell what to ask. */
async function npm(folder: string, ...args: readonly string[]): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [NPM, ...args], {
    cwd: join(folder, 'project'),
    env: { PATH: process.env.PATH, HOME: folder, npm_config_cache: join(folder, 'npm-cache') },
  })
  return stdout.trim()
}

test('a real npm asks us, installs from us, and afterwards asks whom it asked before', async () => {
  await using upstream = await startUpstream({ packages: { lib: { '1.0.0': {} } } })
  await using folder = await temporaryFolder()
  await mkdir(join(folder.path, 'project'))
  await writeFile(join(folder.path, 'project/package.json'), '{}')
  const npmrc = join(folder.path, '.npmrc')
  await writeFile(npmrc, NPMRC)
  await using opened = await openTray({ folder: folder.path, environment: { UPSTREAM: upstream.url } })
  const { tray } = opened
  await tray.start()
  await tray.perform('npm')
  expect(await npm(folder.path, 'config', 'get', 'registry')).toBe(`${serverOf(tray).server.url}/`)
  await npm(folder.path, 'install', 'lib', '--no-audit')
  expect(await readdir(join(folder.path, 'project/node_modules'))).toContain('lib')
  await tray.refresh()
  expect(opened.electron.texts()).toContainEqual(expect.stringMatching(/^1 package, 1 tarball stored/))

  await tray.perform('npm')
  expect(await readFile(npmrc, 'utf8')).toBe(NPMRC)
  expect(await npm(folder.path, 'config', 'get', 'registry')).toBe('https://npm.acme.example/')

  await tray.perform('npm')
  await npm(folder.path, 'config', 'set', 'audit=false')
  await tray.perform('npm')
  expect(await npm(folder.path, 'config', 'get', 'registry')).toBe('https://npm.acme.example/')
  expect(await npm(folder.path, 'config', 'get', 'audit')).toBe('false')
})

test('a tray that was killed at any moment leaves the server to the next, which gives the npmrc back', async () => {
  await using folder = await temporaryFolder()
  const npmrc = join(folder.path, '.npmrc')
  await writeFile(npmrc, NPMRC)
  const killed = spawn(process.execPath, [join(import.meta.dirname, 'killed-tray.ts'), folder.path], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  // It says a line each time it has switched, and goes on switching.
  let lines = 0
  for await (const _ of createInterface({ input: killed.stdout })) if (++lines === 3) killed.kill('SIGKILL')
  if (killed.signalCode === null) await once(killed, 'exit')
  expect(killed.signalCode).toBe('SIGKILL')

  const { tray, electron } = await openTray({ folder: folder.path })
  await tray.start()
  expect(serverOf(tray).own).toBe(true)
  const { pid } = serverOf(tray).server
  await tray.perform('quit')
  expect(electron.exited).toBe(true)
  expect(await readFile(npmrc, 'utf8')).toBe(NPMRC)
  expect((await readdir(folder.path)).sort()).toEqual(['.npmrc', 'data', 'tray'])
  expect(() => process.kill(pid, 0)).toThrow('ESRCH')
})
