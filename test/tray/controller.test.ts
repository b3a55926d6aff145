import { once } from 'node:events'
import { readdir, readFile, writeFile } from 'node:fs/promises'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import manifest from '../../package.json' with { type: 'json' }
import { ServerProcess } from '../support/server-process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'
import { openTray, serverOf, until } from './support.ts'

const NPMRC = 'fund=false'

test('the tray starts a server, shows where it is, and leaves nothing when it quits', async () => {
  await using folder = await temporaryFolder()
  const { tray, electron } = await openTray({ folder: folder.path })
  await tray.start()
  const { server, setup } = serverOf(tray)
  expect(server.version).toBe(manifest.version)
  expect(electron.view).toMatchObject({
    mood: 'well',
    tooltip: `Entropic runs on ${new URL(server.url).host}`,
  })
  expect(electron.texts()).toContain('Nothing is stored yet')
  for (const action of ['website', 'copy', 'setup', 'log-in', 'logs'] as const) await tray.perform(action)
  expect(electron.copied).toEqual([`${server.url}/`])
  expect(electron.opened).toEqual([
    `${server.url}/`,
    setup,
    `${server.url}/www/login`,
    join(folder.path, 'tray/server.log'),
  ])
  await tray.perform('quit')
  expect(electron.exited).toBe(true)
  expect(() => process.kill(server.pid, 0)).toThrow('ESRCH')
  expect(await readdir(join(folder.path, 'data'))).not.toContain('running.json')
  expect(electron.notes).toEqual([])
})

test('a server that was killed is started again, and a person hears of it', async () => {
  await using folder = await temporaryFolder()
  await using opened = await openTray({ folder: folder.path })
  const { tray, electron } = opened
  await tray.start()
  const { server } = serverOf(tray)
  process.kill(server.pid, 'SIGKILL')
  await until(() => tray.state.kind === 'running' && tray.state.server.pid !== server.pid)
  expect(electron.notes).toEqual(['Entropic crashed: It starts again by itself.'])
  await tray.perform('stop')
  expect(electron.view).toMatchObject({ mood: 'idle', tooltip: 'Entropic is stopped' })
  await tray.perform('start')
  expect((await fetch(`${serverOf(tray).server.url}/-/ping`)).ok).toBe(true)
})

test('a server that never comes to listen is tried with longer and longer pauses, and given up', async () => {
  await using folder = await temporaryFolder()
  await using opened = await openTray({ folder: folder.path, environment: { CACHE_DIR: '/dev/null/x' } })
  const { tray, electron } = opened
  await tray.start()
  expect(tray.state).toMatchObject({ kind: 'waiting', delay: 10 })
  await until(() => tray.state.kind === 'waiting' && tray.state.delay === 40)
  await until(() => tray.state.kind === 'failed')
  expect(electron.view.mood).toBe('trouble')
  expect(electron.notes).toEqual([expect.stringMatching(/^Entropic cannot start: .*\/dev\/null\/x/)])
})

test('a mistake in the configuration is told at once', async () => {
  await using folder = await temporaryFolder()
  await using opened = await openTray({ folder: folder.path, environment: { SIGN_UP: 'perhaps' } })
  await opened.tray.start()
  expect(opened.tray.state).toMatchObject({ kind: 'failed', why: expect.stringContaining('SIGN_UP') })
})

test('a port that another program has is left to it; another one is chosen and kept', async () => {
  await using folder = await temporaryFolder()
  const stranger = createServer().listen(0, '127.0.0.1')
  await once(stranger, 'listening')
  const address = stranger.address()
  const port = typeof address === 'object' && address ? address.port : 0
  try {
    await using opened = await openTray({ folder: folder.path, port })
    const { tray, electron } = opened
    await tray.start()
    expect(tray.state).toEqual({ kind: 'taken', port })
    expect(electron.notes).toEqual([expect.stringContaining(`Port ${port} is taken`)])
    await tray.perform('other-port')
    const { url } = serverOf(tray).server
    await tray.perform('restart')
    expect(serverOf(tray).server.url).toBe(url)
  } finally {
    stranger.close()
  }
})

test('a server that runs on our data already is adopted, and stays when the tray quits', async () => {
  await using folder = await temporaryFolder()
  await using elsewhere = await ServerProcess.start({ folder: join(folder.path, 'data') })
  const { tray, electron } = await openTray({ folder: folder.path })
  await tray.start()
  expect(serverOf(tray)).toMatchObject({ own: false, server: { url: elsewhere.url } })
  expect(electron.texts()).toContain('It was started elsewhere')
  await tray.perform('quit')
  expect((await fetch(`${elsewhere.url}/-/ping`)).ok).toBe(true)
})

test('an adopted server that ends is not started again', async () => {
  await using folder = await temporaryFolder()
  await using elsewhere = await ServerProcess.start({ folder: join(folder.path, 'data') })
  await using opened = await openTray({ folder: folder.path })
  await opened.tray.start()
  await elsewhere.stop()
  await until(() => opened.tray.state.kind === 'stopped')
  expect(opened.electron.notes).toEqual([
    'Entropic has ended: The server that was started elsewhere is gone.',
  ])
})

test('an adopted server of another version is said to be one', async () => {
  await using folder = await temporaryFolder()
  const data = join(folder.path, 'data')
  await using _ = await ServerProcess.start({ folder: data })
  const running = join(data, 'running.json')
  await writeFile(
    running,
    JSON.stringify({ ...JSON.parse(await readFile(running, 'utf8')), version: '0.0.1' }),
  )
  await using opened = await openTray({ folder: folder.path })
  await opened.tray.start()
  const { notes } = opened.electron
  expect(notes).toEqual([`Another version runs: Entropic 0.0.1 runs already; this is ${manifest.version}.`])
  expect(opened.electron.texts()).toContain(`It is Entropic 0.0.1; this is ${manifest.version}`)
})

test('offline is switched on and off in the running server', async () => {
  await using folder = await temporaryFolder()
  await using opened = await openTray({ folder: folder.path })
  const { tray, electron } = opened
  await tray.start()
  await tray.perform('offline')
  expect(electron.entry('offline')).toMatchObject({ checked: true, enabled: true })
  expect(electron.view.tooltip).toMatch(/, offline$/)
  await tray.perform('offline')
  expect(electron.entry('offline')).toMatchObject({ checked: false })
})

test('a lock file is prefetched, and a person hears how it went', async () => {
  await using folder = await temporaryFolder()
  await using opened = await openTray({ folder: folder.path })
  const { tray, electron } = opened
  await tray.start()
  electron.lockFile = join(folder.path, 'package-lock.json')
  await writeFile(electron.lockFile, JSON.stringify({ lockfileVersion: 3, packages: { '': { name: 'x' } } }))
  await tray.perform('prefetch')
  await writeFile(electron.lockFile, 'no JSON')
  await tray.perform('prefetch')
  expect(electron.notes).toEqual([
    expect.stringMatching(/^The project is prefetched: 0 fetched/),
    expect.stringMatching(/^Not everything could be prefetched: .*package-lock\.json/),
  ])
})

test('npm asks us while we run and whom it asked before when we do not', async () => {
  await using folder = await temporaryFolder()
  const npmrc = join(folder.path, '.npmrc')
  await writeFile(npmrc, NPMRC)
  const { tray, electron } = await openTray({ folder: folder.path })
  await tray.start()
  await tray.perform('npm')
  expect(await readFile(npmrc, 'utf8')).toContain(`registry=${serverOf(tray).server.url}/`)
  expect(electron.entry('npm')).toMatchObject({ checked: true })
  await tray.perform('quit')
  expect(await readFile(npmrc, 'utf8')).toBe(NPMRC)

  await using later = await openTray({ folder: folder.path })
  await later.tray.start()
  expect(await readFile(npmrc, 'utf8')).toContain(`registry=${serverOf(later.tray).server.url}/`)
  await later.tray.perform('npm')
  expect(await readFile(npmrc, 'utf8')).toBe(NPMRC)
  expect(later.electron.entry('npm')).toMatchObject({ checked: false })
})

test('starting at login is switched on and off', async () => {
  await using folder = await temporaryFolder()
  await using opened = await openTray({ folder: folder.path })
  await opened.tray.perform('login-item')
  expect(opened.electron.entry('login-item')).toMatchObject({ checked: true })
  await opened.tray.perform('login-item')
  expect(opened.electron.entry('login-item')).toMatchObject({ checked: false })
})

test('what cannot be done is said', async () => {
  await using folder = await temporaryFolder()
  await using opened = await openTray({ folder: folder.path })
  await opened.tray.perform('website')
  expect(opened.electron.notes).toEqual(['Entropic could not do that: Entropic does not run.'])
})
