import { once } from 'node:events'
import { Agent, get, type IncomingMessage } from 'node:http'
import { json } from 'node:stream/consumers'
import { expect, test, vi } from 'vitest'
import { Health } from '../../src/server/health.ts'
import { listen, portOf } from '../../src/server/process.ts'
import { ServerProcess } from '../support/server-process.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

type Answer = { status: number | undefined; connection: string | undefined; body: unknown }

async function ask(url: string, path: string, agent?: Agent): Promise<Answer> {
  const [response] = (await once(get(`${url}${path}`, { ...(agent && { agent }) }), 'response')) as [
    IncomingMessage, // what the event carries
  ]
  const { statusCode: status, headers } = response
  return { status, connection: headers.connection, body: await json(response) }
}

async function served(health: Health): Promise<AsyncDisposable & { url: string }> {
  const server = await listen({ host: '127.0.0.1', port: 0 })
  server.on('request', (request, response) => {
    if (!health.answered(request, response)) response.end('somebody else')
  })
  const close = async () => void server.close()
  return { url: `http://127.0.0.1:${portOf(server)}`, [Symbol.asyncDispose]: close }
}

const fine = async () => {}
const broken = () => Promise.reject(new Error('postgres://kim:secret@127.0.0.1 is away'))

test('a server that starts lives, and is not ready', async () => {
  const health = new Health()
  await using server = await served(health)
  expect(await ask(server.url, '/-/health')).toMatchObject({ status: 200, body: { status: 'ok' } })
  expect(await ask(server.url, '/-/ready')).toMatchObject({ status: 503, body: { status: 'starting' } })
})

test('without something helpful it is ready all the same; without something needed it is not, and tells no secrets', async () => {
  const health = new Health()
  await using server = await served(health)
  health.begin({ sql: { ask: fine, rank: 'needed' }, kv: { ask: broken, rank: 'helpful' } })
  expect(await ask(server.url, '/-/ready')).toMatchObject({
    status: 200,
    body: { status: 'degraded', parts: { sql: 'ok', kv: 'failing' } },
  })
  const lacking = new Health()
  lacking.begin({ sql: { ask: broken, rank: 'needed' }, kv: { ask: fine, rank: 'helpful' } })
  expect(await lacking.report()).toEqual({ status: 'failing', parts: { sql: 'failing', kv: 'ok' } })
})

test('what does not answer in time is failing', async () => {
  vi.useFakeTimers()
  const health = new Health()
  health.begin({ sql: { ask: () => new Promise(() => {}), rank: 'needed' } })
  const report = health.report()
  await vi.runAllTimersAsync()
  expect(await report).toEqual({ status: 'failing', parts: { sql: 'failing' } })
  vi.useRealTimers()
})

test('however many ask at once, each part is asked once', async () => {
  const health = new Health()
  const sql = vi.fn(fine)
  health.begin({ sql: { ask: sql, rank: 'needed' } })
  await Promise.all(Array.from({ length: 50 }, () => health.report()))
  expect(sql).toHaveBeenCalledOnce()
})

test('told to stop, it is not ready from that moment, answers as long as it was asked to, and closes what was kept alive', async () => {
  await using folder = await temporaryFolder()
  await using server = await ServerProcess.start({ folder: folder.path, args: ['--drain-delay', '2s'] })
  const agent = new Agent({ keepAlive: true })
  expect(await ask(server.url, '/-/ready', agent)).toEqual({
    status: 200,
    connection: 'keep-alive',
    body: { status: 'ready', parts: { sql: 'ok', kv: 'ok', blobs: 'ok' } },
  })
  const stopped = server.stop()
  const draining = await vi.waitUntil(
    async () => {
      const answer = await ask(server.url, '/-/ready', agent)
      return answer.status === 503 && answer
    },
    { timeout: 5000 },
  )
  expect(draining).toMatchObject({ connection: 'close', body: { status: 'draining' } })
  expect(await ask(server.url, '/-/health', agent)).toMatchObject({ status: 200, connection: 'close' })
  expect(await ask(server.url, '/-/ping', agent)).toMatchObject({ status: 200, connection: 'close' })
  expect(await stopped).toBe(0)
  agent.destroy()
})

test('a second signal ends the waiting', async () => {
  await using folder = await temporaryFolder()
  await using server = await ServerProcess.start({ folder: folder.path, args: ['--drain-delay', '10m'] })
  const first = server.stop()
  // Of its own each time: one kept alive may be closed just as it is used.
  const ready = () => ask(server.url, '/-/ready', new Agent())
  await vi.waitUntil(async () => (await ready()).status === 503, { timeout: 5000 })
  expect(await server.stop()).toBe(1)
  await first
})
