import { expect, test, vi } from 'vitest'
import { NpmUser } from '../support/npm-user.ts'
import { makeToken, ServerProcess } from '../support/server-process.ts'
import { startPostgres, startRedis } from '../support/servers.ts'
import { missing } from '../support/services.ts'
import { temporaryFolder } from '../support/temporary-folder.ts'

const why = missing.postgres ?? missing.redis

test.skipIf(why)(
  why ?? 'Redis and Postgres go away and come back, and nobody is told of a bug',
  async (t) => {
    const [postgres, redis] = await Promise.all([startPostgres(), startRedis()])
    t.onTestFinished(async () => void (await Promise.all([postgres.stop(), redis.stop()])))
    await using folder = await temporaryFolder()
    const { hostname, port, username, pathname } = new URL(postgres.url)
    const env = {
      PGHOST: hostname,
      PGPORT: port,
      PGUSER: username,
      PGDATABASE: pathname.slice(1),
      REDIS_URL: redis.url,
      LOG_LEVEL: 'silent',
    }
    await using server = await ServerProcess.start({ folder: folder.path, env, args: ['--sign-up', 'open'] })
    const kim = new NpmUser(server.url, 'kim', await makeToken(folder.path, 'kim', env))
    const ask = async (path: string, init: RequestInit = {}) => {
      const answer = await fetch(`${server.url}${path}`, init)
      expect(answer.status, path).not.toBe(500)
      return { status: answer.status, headers: answer.headers, body: await answer.text() }
    }
    const ready = async () => {
      const { status, body } = await ask('/-/ready')
      return { status, ...JSON.parse(body) }
    }
    const becomes = (status: string) =>
      vi.waitUntil(async () => (await ready()).status === status, { timeout: 20_000, interval: 200 })
    const signUp = (name: string) =>
      ask(`/-/user/org.couchdb.user:${name}`, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ name, password: 'correct horse', type: 'user', email: '' }),
      })
    const install = async (version: string) => [
      (await ask('/@kim%2fbox')).status,
      (await ask(`/@kim/box/-/box-${version}.tgz`)).status,
    ]

    // Everything is there.
    expect((await kim.publish('@kim/box', '1.0.0')).status).toBe(201)
    expect(await install('1.0.0')).toEqual([200, 200])
    expect(await ready()).toMatchObject({ status: 'ready', parts: { sql: 'ok', kv: 'ok', blobs: 'ok' } })

    // Without Redis everything goes on.
    await redis.halt()
    await becomes('degraded')
    expect((await ask('/-/ready')).status).toBe(200)
    expect((await signUp('lee')).status).toBe(201)
    expect((await signUp('lee')).status).toBe(201) // the same password again is a login
    expect((await kim.publish('@kim/box', '1.1.0')).status).toBe(201)
    expect(await install('1.1.0')).toEqual([200, 200])

    // Redis is used again.
    await redis.restart()
    await becomes('ready')

    // Without Postgres what was asked for lately is read, and what would be written is not.
    await postgres.halt()
    await becomes('failing')
    const refused = await ask('/-/ready')
    expect(refused).toMatchObject({ status: 503 })
    expect(refused.headers.get('retry-after')).toBe('5')
    expect((await ask('/-/health')).status).toBe(200)
    const stale = await ask('/@kim%2fbox')
    expect(stale.status).toBe(200)
    expect(stale.headers.get('warning')).toBe('110 - "Response is Stale"')
    expect(Object.keys(JSON.parse(stale.body).versions)).toEqual(['1.0.0', '1.1.0'])
    expect((await ask('/@kim/box/-/box-1.1.0.tgz')).status).toBe(200)
    const tag = stale.headers.get('etag') ?? ''
    expect((await ask('/@kim%2fbox', { headers: { 'if-none-match': tag } })).status).toBe(304)
    for (const path of [
      '/@kim%2flid',
      '/-/whoami',
      '/-/v1/search?text=box',
      '/v1/packages',
      '/',
      '/@kim/box/1.0.0',
    ]) {
      const { status, headers } = await ask(path, { headers: { authorization: `Bearer ${kim.token}` } })
      expect([path, status, headers.get('retry-after')]).toEqual([path, 503, '5'])
    }
    expect((await kim.publish('@kim/box', '1.2.0')).status).toBe(503)
    expect((await signUp('max')).status).toBe(503)

    // It comes back by itself.
    await postgres.restart()
    await becomes('ready')
    expect((await kim.publish('@kim/box', '1.2.0')).status).toBe(201)
    expect(await install('1.2.0')).toEqual([200, 200])
    expect((await ask('/@kim%2fbox')).headers.get('warning')).toBeNull()
    expect(await server.stop()).toBe(0)
  },
)
