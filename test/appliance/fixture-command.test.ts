import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import { expect, test } from 'vitest'
import { NpmUser } from '../support/npm-user.ts'
import { PROGRAM, SCRIPT } from '../support/server-process.ts'
import { packageTarball } from '../support/tarball.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

type Facts = { readonly url: string; readonly token: string; readonly npmrc: string; readonly pid: number }

test('tells where it is, serves what it was seeded with, and leaves nothing on SIGTERM', async () => {
  await using place = await temporaryFolder()
  const seed = join(place.path, 'seed')
  await mkdir(seed)
  await writeFile(join(seed, 'box.tgz'), await packageTarball({ name: 'box', version: '1.0.0' }))
  const fixture = start(['--seed', seed, '--user', 'kim', '--json'], place.path)
  const facts = await firstLine(fixture)
  expect(facts.pid).toBe(fixture.pid)
  expect(facts.npmrc).toContain(`:_authToken=${facts.token}`)
  const kim = new NpmUser(facts.url, 'kim', facts.token)
  expect((await kim.get('/box/-/box-1.0.0.tgz')).status).toBe(200)
  expect((await kim.get('/-/whoami')).json).toEqual({ username: 'kim' })
  fixture.kill('SIGTERM')
  expect(await once(fixture, 'exit')).toEqual([0, null])
  expect(await leftIn(place.path)).toEqual([])
})

test('ends with its parent, even one that was killed, and leaves nothing', async () => {
  await using place = await temporaryFolder()
  const words = [PROGRAM, ...SCRIPT, 'fixture', '--json'].map((word) => `'${word}'`).join(' ')
  // A shell that stays the parent: it has another command to run after this one.
  const parent = spawn('/bin/sh', ['-c', `${words}; true`], surroundings(place.path))
  const { pid } = await firstLine(parent)
  parent.kill('SIGKILL')
  await once(parent, 'exit')
  await expect.poll(() => isRunning(pid), { timeout: 20_000 }).toBe(false)
  expect(await leftIn(place.path)).toEqual([])
})

test('runs a command with npm pointed at it, and ends with its exit code', async () => {
  await using place = await temporaryFolder()
  const script = 'npm view box version && npm whoami && exit 7'
  const args = ['fixture', '--user', 'kim', '--seed', place.path, '--', 'sh', '-c', script]
  await writeFile(join(place.path, 'box.tgz'), await packageTarball({ name: 'box', version: '1.2.3' }))
  const { env } = surroundings(place.path)
  const ran = promisify(execFile)(PROGRAM, [...SCRIPT, ...args], { env })
  await expect(ran).rejects.toMatchObject({ code: 7, stdout: '1.2.3\nkim\n' })
  expect(await leftIn(place.path)).toEqual([])
})

function start(args: readonly string[], folder: string): ChildProcess {
  return spawn(PROGRAM, [...SCRIPT, 'fixture', ...args], surroundings(folder))
}

/** Temporary files go where the test can see what is left of them. */
function surroundings(folder: string) {
  const env = { PATH: process.env.PATH ?? '', HOME: process.env.HOME ?? '', TMPDIR: folder }
  return { env, stdio: ['ignore', 'pipe', 'inherit'] as ['ignore', 'pipe', 'inherit'] }
}

async function firstLine({ stdout }: ChildProcess): Promise<Facts> {
  if (!stdout) throw new Error('no output to read')
  for await (const line of createInterface({ input: stdout })) return JSON.parse(line)
  throw new Error('it ended without a word')
}

/** A process that nobody has waited for yet is not running either. */
function isRunning(pid: number): boolean {
  if (!existsSync(`/proc/${pid}/stat`)) return false
  return !/\) Z /.test(readFileSync(`/proc/${pid}/stat`, 'utf8'))
}

async function leftIn(folder: string): Promise<string[]> {
  return (await readdir(folder)).filter((name) => name.startsWith('entropic-fixture-'))
}
