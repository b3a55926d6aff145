import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { expect, test, vi } from 'vitest'
import { logInAcross } from '../support/cli-login.ts'
import { entropic } from '../support/command-line.ts'
import { NpmUser } from '../support/npm-user.ts'
import { makeToken, PROGRAM, SCRIPT, ServerProcess } from '../support/server-process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const WORKERS = 3

/** A server of three workers over SQLite, where processes can be listed. */
async function startCrew() {
  await using opening = new AsyncDisposableStack()
  const { path: folder } = opening.use(await temporaryFolder())
  const args = ['--workers', `${WORKERS}`]
  const server = opening.use(await ServerProcess.start({ folder, args, env: { LOG_LEVEL: 'silent' } }))
  const { pid } = JSON.parse(await readFile(join(folder, 'running.json'), 'utf8'))
  const workers = async () => {
    const children = await readFile(`/proc/${pid}/task/${pid}/children`, 'utf8')
    return children.split(' ').filter(Boolean).map(Number)
  }
  await vi.waitUntil(async () => (await workers()).length === WORKERS, { timeout: 30_000 })
  const kim = new NpmUser(server.url, 'kim', await makeToken(folder, 'kim'))
  const opened = opening.move()
  return { folder, server, kim, workers, [Symbol.asyncDispose]: () => opened.disposeAsync() }
}

/** On a connection of its own, which the next worker takes. */
const ALONE = { connection: 'close' }

const reason = process.platform === 'linux' ? undefined : 'processes are listed by Linux only'

test.skipIf(reason)(
  'nothing is lost of what is published through several workers at once',
  { timeout: 60_000 },
  async () => {
    await using crew = await startCrew()
    const versions = Array.from({ length: 24 }, (_, n) => `1.0.${n}`)
    const replies = await Promise.all(versions.map((version) => crew.kim.publish('@kim/box', version)))
    expect(new Set(replies.map(({ status }) => status))).toEqual(new Set([201]))
    for (let n = 0; n < 2 * WORKERS; n++) {
      const { json } = await crew.kim.get('/@kim%2fbox', ALONE)
      expect(Object.keys(json.versions)).toHaveLength(versions.length)
      await crew.kim.send('PUT', '/-/package/@kim%2fbox/dist-tags/n', { body: `"1.0.${n}"`, headers: ALONE })
      expect((await crew.kim.get('/@kim%2fbox', ALONE)).json['dist-tags'].n).toBe(`1.0.${n}`)
    }
    expect(await crew.server.stop()).toBe(0)
    await expect(readFile(join(crew.folder, 'running.json'))).rejects.toThrow('ENOENT')
  },
)

test.skipIf(reason)(
  'a login goes from worker to worker, and they count guesses together',
  { timeout: 60_000 },
  async () => {
    await using crew = await startCrew()
    const { url } = crew.server
    const user = await logInAcross(
      { begin: url, allow: url, finish: url },
      { path: '/-/v1/login', name: 'kim' },
    )
    for (let n = 0; n < WORKERS; n++)
      expect((await user.get('/-/whoami', ALONE)).json).toEqual({ username: 'kim' })
    const statuses: number[] = []
    for (let n = 0; n < 101; n++)
      statuses.push((await new NpmUser(url, 'x', `ent_${n}`).get('/-/whoami', ALONE)).status)
    expect(statuses.indexOf(429)).toBe(100)
  },
)

test.skipIf(reason)(
  'a worker that is killed is replaced, and the others go on',
  { timeout: 60_000 },
  async () => {
    await using crew = await startCrew()
    await crew.kim.publish('@kim/box', '1.0.0')
    const before = await crew.workers()
    const [first = 0] = before
    process.kill(first, 'SIGKILL')
    await vi.waitUntil(async () => !(await crew.workers()).includes(first))
    expect((await crew.kim.get('/@kim%2fbox', ALONE)).status).toBe(200)
    await vi.waitUntil(async () => (await crew.workers()).length === WORKERS, { timeout: 30_000 })
    expect((await crew.workers()).filter((pid) => !before.includes(pid))).toHaveLength(1)
    const status = await entropic({ folder: crew.folder }, 'status', '--json')
    expect(JSON.parse(status.stdout).server).toMatchObject({ url: crew.server.url })
  },
)

test.skipIf(reason)(
  'a free port that was found is kept, even when no worker is left',
  { timeout: 60_000 },
  async () => {
    await using crew = await startCrew()
    const before = await crew.workers()
    for (const pid of before) process.kill(pid, 'SIGKILL')
    await vi.waitUntil(async () => !(await crew.workers()).some((pid) => before.includes(pid)))
    const answers = () =>
      crew.kim.get('/-/ping', ALONE).then(
        ({ status }) => status === 200,
        () => false,
      )
    await vi.waitUntil(answers, { timeout: 30_000 })
    await vi.waitUntil(async () => (await crew.workers()).length === WORKERS, { timeout: 30_000 })
  },
)

test('a worker whose primary is gone while it starts ends without a word', { timeout: 60_000 }, async () => {
  await using folder = await temporaryFolder()
  const args = [...SCRIPT, 'serve', '--workers', '2', '--port', '0', '--cache-dir', folder.path]
  const env = { ...process.env, NODE_UNIQUE_ID: '1' } // by which Node tells a worker
  const worker = spawn(PROGRAM, args, { env, stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
  // Both are pipes.
  const said = Promise.all([worker.stdout, worker.stderr].map((output) => text(output as Readable)))
  await once(worker, 'internalMessage')
  worker.disconnect()
  expect(await said).toEqual(['', ''])
})

test.skipIf(reason)('a port that is taken is told once', { timeout: 60_000 }, async () => {
  await using crew = await startCrew()
  const { port } = new URL(crew.server.url)
  const second = await entropic({ folder: crew.folder }, 'serve', '--workers', '2', '--port', port)
  expect(second).toMatchObject({ code: 1, stdout: '' })
  expect(second.stderr.match(/is taken/g)).toHaveLength(1)
})
