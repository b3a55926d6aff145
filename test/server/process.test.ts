import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { type ClientRequest, type IncomingMessage, request } from 'node:http'
import { connect } from 'node:net'
import { join } from 'node:path'
import { json, text } from 'node:stream/consumers'
import { expect, test, vi } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { listen, portOf, SlowReplies, withoutSecrets } from '../../src/server/process.ts'
import { entropic } from '../support/command-line.ts'
import { ServerProcess } from '../support/server-process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const ACCOUNT = JSON.stringify({ name: 'kim', password: 'correct horse', type: 'user', email: '' })

/** A sign-up whose head the server has, and whose body is still to come. */
async function halfSent(url: string): Promise<ClientRequest> {
  const sending = request(`${url}/-/user/org.couchdb.user:kim`, {
    method: 'PUT',
    headers: { 'content-length': ACCOUNT.length, expect: '100-continue', 'content-type': 'application/json' },
  })
  sending.flushHeaders()
  await once(sending, 'continue')
  return sending
}

/** Resolves when nobody accepts connections any more. */
async function refusing(url: string): Promise<void> {
  const { hostname, port } = new URL(url)
  const accepted = await new Promise<boolean>((resolve) => {
    const socket = connect(Number(port), hostname)
    socket.once('connect', () => resolve(true)).once('error', () => resolve(false))
    socket.once('connect', () => socket.destroy())
  })
  if (accepted) await refusing(url)
}

test('what is logged of a request holds no token and no one-time link', () => {
  expect(withoutSecrets('/-/user/token/ent_secret')).toBe('/-/user/token/●●●')
  expect(withoutSecrets('/npm/-/npm/v1/tokens/token/ent_secret')).toBe('/npm/-/npm/v1/tokens/token/●●●')
  expect(withoutSecrets('/-/v1/login/poll/b7e1')).toBe('/-/v1/login/poll/●●●')
  expect(withoutSecrets('/www/signup?link=secret')).toBe('/www/signup')
})

test('replies slower than the limit are logged, with the address as it came but no secrets', async () => {
  const [warn, never] = [vi.fn(), vi.fn()]
  const slow = new SlowReplies({ log: { ...silentLog, warn }, limit: 0 })
  new SlowReplies({ log: { ...silentLog, warn: never }, limit: Number.POSITIVE_INFINITY })
  const server = await listen({ host: '127.0.0.1', port: 0 })
  server.on('request', (request, response) => {
    slow.note(request)
    request.url = '/shortened'
    response.end()
  })
  await (await fetch(`http://127.0.0.1:${portOf(server)}/-/user/token/ent_secret`)).arrayBuffer()
  server.close()
  await once(server, 'close')
  const fields = { method: 'GET', path: '/-/user/token/●●●', took: expect.any(Number) }
  expect(warn.mock.calls).toEqual([[fields, 'a slow reply']])
  expect(never).not.toHaveBeenCalled()
})

test('told to stop, the server answers what is under way and takes nothing new', async () => {
  await using folder = await temporaryFolder()
  await using server = await ServerProcess.start({ folder: folder.path })
  const sending = await halfSent(server.url)
  const stopped = server.stop()
  await refusing(server.url)
  sending.end(ACCOUNT)
  const [response] = (await once(sending, 'response')) as [IncomingMessage] // what the event carries
  expect(response.statusCode).toBe(201)
  expect(await json(response)).toMatchObject({ ok: true })
  expect(await stopped).toBe(0)
})

test('told twice, it ends at once', async () => {
  await using folder = await temporaryFolder()
  await using server = await ServerProcess.start({ folder: folder.path })
  const sending = await halfSent(server.url)
  sending.on('error', () => undefined)
  const first = server.stop()
  await refusing(server.url)
  expect(await server.stop()).toBe(1)
  await first
})

test('told to stop the very moment it says that it listens, it stops in order', async () => {
  await using folder = await temporaryFolder()
  const hook = `process.stdout.write = (line) => /listening on/.test(line) && process.kill(process.pid, 'SIGTERM')`
  const environment = {
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent(hook)}`,
    UPSTREAM: 'none',
  }
  expect(await entropic({ folder: folder.path, environment }, 'serve', '--port', '0')).toMatchObject({
    code: 0,
  })
})

test('an idle connection kept alive does not delay the end', async () => {
  await using folder = await temporaryFolder()
  await using server = await ServerProcess.start({ folder: folder.path })
  expect((await fetch(server.url)).status).toBe(200)
  expect(await server.stop()).toBe(0)
})

test('a second server on the same data says that there is one, and leaves its set-up link alone', async () => {
  await using folder = await temporaryFolder()
  await using first = await ServerProcess.start({ folder: folder.path })
  await using second = await ServerProcess.start({ folder: folder.path })
  expect(await second.printed()).toContain(
    `a server runs on this data already: process ${first.pid}, at ${first.url}`,
  )
  expect(await second.printed()).toContain('both may run, nothing is lost')
  const printed = await first.printed()
  expect(printed).toContain('(works once, within a day)')
  expect(printed).not.toContain('already')
  await using third = await ServerProcess.start({ folder: folder.path })
  const link = /\/www\/signup\?link=\S+/.exec(printed)?.[0]
  expect((await fetch(`${third.url}${link}`)).status).toBe(200)
  expect(await third.printed()).not.toContain('already')
})

test('a taken port is told in one sentence', async () => {
  await using folder = await temporaryFolder()
  await using server = await ServerProcess.start({ folder: folder.path })
  const { port } = new URL(server.url)
  const second = await entropic({ folder: folder.path }, 'serve', '--port', port)
  expect(second).toMatchObject({ code: 1, stdout: '' })
  expect(second.stderr).toContain(`Port ${port} of 127.0.0.1 is taken`)
  expect(second.stderr.trim().split('\n')).toHaveLength(1)
})

test('an error nobody caught is logged and ends the process with 1', async () => {
  const source = `
    import { listen, untilStopped } from ${JSON.stringify(join(import.meta.dirname, '../../src/server/process.ts'))}
    import { createLog } from ${JSON.stringify(join(import.meta.dirname, '../../src/server/log.ts'))}
    const log = createLog({ logLevel: 'error', logFormat: 'json' })
    const server = await listen({ host: '127.0.0.1', port: 0 })
    setImmediate(() => Promise.reject(new Error('a bug', { cause: new Error('its cause') })))
    process.exit(await untilStopped({ server, log, close: async () => {} }))`
  const child = spawn(process.execPath, ['--input-type=module', '--eval', source])
  const [stderr] = await Promise.all([text(child.stderr), once(child, 'close')])
  expect(child.exitCode).toBe(1)
  expect(JSON.parse(stderr)).toMatchObject({
    msg: 'an error that nobody caught',
    origin: 'unhandledRejection',
  })
  expect(stderr).toContain('its cause')
})

test('the first line names the address, the next ones what to do with it', async () => {
  await using folder = await temporaryFolder()
  const child = spawn(
    process.execPath,
    [join(import.meta.dirname, '../../scripts/entropic.mjs'), '--port', '0'],
    {
      cwd: folder.path,
      env: { PATH: process.env.PATH, HOME: process.env.HOME, CACHE_DIR: folder.path, UPSTREAM: 'none' },
    },
  )
  const [first] = (await once(child.stdout, 'data')) as [Buffer] // what the event carries
  child.kill('SIGTERM')
  await once(child, 'close')
  const [line = '', ...rest] = first.toString().split('\n')
  const url = /^entropic is listening on (http:\/\/127\.0\.0\.1:\d+)$/.exec(line)?.[1]
  expect(rest.join('\n')).toContain(`npm config set registry ${url}/`)
  expect(rest.join('\n')).toContain('user add NAME --admin')
  expect(rest.join('\n')).toContain(folder.path)
})

test.skipIf(process.platform === 'win32')(
  'npm told to end "npm start" ends the server below it',
  async () => {
    await using folder = await temporaryFolder()
    const npm = spawn('npm', ['start', '--', '--port', '0'], {
      cwd: join(import.meta.dirname, '../..'),
      env: { PATH: process.env.PATH, HOME: folder.path, CACHE_DIR: folder.path, UPSTREAM: 'none' },
    })
    const url = await new Promise<string>((resolve) => {
      let said = ''
      npm.stdout.on('data', (part) => {
        said += part
        const found = /listening on (http:\S+)\n/.exec(said)?.[1]
        if (found) resolve(found)
      })
    })
    npm.kill('SIGTERM')
    await refusing(url)
  },
)
