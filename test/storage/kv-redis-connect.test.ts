import { describe, expect, inject, test } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { parseRedisUrl } from '../../src/base/redis-url.ts'
import { minutes } from '../../src/base/time.ts'
import { connectRedis } from '../../src/storage/kv-redis-connect.ts'
import { certificate } from '../support/certificate.ts'
import { FaultyProxy } from '../support/faulty-proxy.ts'
import { startRedisCluster, startSentinel } from '../support/redis-forms.ts'
import { freePort, startRedis } from '../support/servers.ts'
import { missing, temporaryFolder } from '../support/services.ts'

const one = { host: 'one', port: 6379 }

test.each([
  ['redis://one', { form: 'single', tls: false, nodes: [one], database: 0 }],
  [
    'rediss://kim:a%40b@one:7/3',
    {
      form: 'single',
      tls: true,
      nodes: [{ host: 'one', port: 7 }],
      username: 'kim',
      password: 'a@b',
      database: 3,
    },
  ],
  ['redis://:secret@[::1]', { form: 'single', nodes: [{ host: '::1', port: 6379 }], password: 'secret' }],
  [
    'redis+sentinel://kim:secret@one,two:26380/team/2',
    {
      form: 'sentinel',
      nodes: [
        { host: 'one', port: 26_379 },
        { host: 'two', port: 26_380 },
      ],
      master: 'team',
      database: 2,
    },
  ],
  ['rediss+cluster://one,two', { form: 'cluster', tls: true, nodes: [one, { host: 'two', port: 6379 }] }],
])('%s is understood', (url, meaning) => {
  expect(parseRedisUrl(url)).toMatchObject(meaning)
})

test.each([
  'http://one',
  'redis://',
  'redis://one,two',
  'redis://one:0',
  'redis://one:99999',
  'redis://one/name',
  'redis://%zz:secret@one',
  'redis+sentinel://one',
  'redis+sentinel://one/team/0/1',
  'redis+cluster://one/2',
])('%s is refused', (url) => {
  expect(parseRedisUrl(url)).toBeUndefined()
})

describe.skipIf(missing.redis)(missing.redis ?? 'Redis in other forms', () => {
  test('three nodes of a cluster share the keys', async (t) => {
    const cluster = await startRedisCluster()
    t.onTestFinished(() => cluster.stop())
    const kv = await connectRedis(cluster.url, silentLog)
    t.onTestFinished(() => kv.close())
    await kv.ping()
    const keys = Array.from({ length: 30 }, (_, n) => `key ${n}`)
    await Promise.all(keys.map((key) => kv.set(key, key, minutes(1))))
    expect((await Promise.all(keys.map((key) => kv.get(key)))).map(String)).toEqual(keys)
    expect(await Promise.all(keys.map((key) => kv.increment(`count of ${key}`, minutes(1))))).toEqual(
      keys.map(() => 1),
    )
    await using lease = await kv.lease('job', minutes(1))
    expect(lease).toBeDefined()
    expect(await kv.lease('job', minutes(1))).toBeUndefined()
  })

  test('the master that a sentinel knows; a name it does not know is away', async (t) => {
    const redis = await startRedis()
    t.onTestFinished(() => redis.stop())
    const sentinel = await startSentinel(redis.url)
    t.onTestFinished(() => sentinel.stop())
    const kv = await connectRedis(sentinel.url, silentLog)
    t.onTestFinished(() => kv.close())
    await kv.set('key', 'value', minutes(1))
    expect(String(await kv.get('key'))).toBe('value')
    await kv.ping()
    const other = await connectRedis(sentinel.url.replace('/team', '/other'), silentLog)
    t.onTestFinished(() => other.close())
    expect(await other.get('key')).toBeUndefined()
  })
})

describe.skipIf(missing.redis)(
  missing.redis ?? 'what must be mended before Redis can be used is said',
  () => {
    /** What the owner is told; undefined: the server starts. */
    async function sentence(url: string, ca?: string): Promise<string | undefined> {
      try {
        const kv = await connectRedis(url, silentLog, ca)
        await kv.close()
        return undefined
      } catch (error) {
        return String(error)
      }
    }

    test('passwords, rights, databases, forms', async (t) => {
      const users = ['kim on >secret ~entropic:* +@all', 'lee on >secret ~* +@read +info']
      const flags = users.flatMap((user) => ['--user', ...user.split(' ')])
      const redis = await startRedis(undefined, ['--requirepass', 'secret', ...flags])
      t.onTestFinished(() => redis.stop())
      const as = (who: string, rest = '') => redis.url.replace('://', `://${who}@`) + rest
      expect(await sentence(redis.url)).toContain('it asks for a password; put it into REDIS_URL')
      expect(await sentence(as(':wrong'))).toContain('user or password in REDIS_URL is wrong')
      expect(await sentence(as('nobody:secret'))).toContain('user or password in REDIS_URL is wrong')
      expect(await sentence(as('lee:secret'))).toContain('may not get, set and delete keys')
      expect(await sentence(as(':secret', '/5000'))).toContain('no database of the number')
      expect(await sentence(as(':secret').replace('redis:', 'redis+cluster:'))).toContain('it is no cluster')
      expect(await sentence(as(':secret', '/5'))).toBeUndefined()
      expect(await sentence(as('kim:secret'))).toBeUndefined()
      expect(await sentence(as('lee:secret'))).not.toContain('secret')
    })

    test('a version that is too old', async () => {
      await using proxy = await FaultyProxy.start(inject('redis').url ?? '')
      proxy.become({ turn: 'redis_version:7', into: 'redis_version:5' })
      expect(await sentence(`redis://127.0.0.1:${proxy.port}`)).toMatch(
        /its version is 5[.\d]*, and it must be 6 or later/,
      )
    })

    test('a certificate that nobody vouches for, until REDIS_CA does', async (t) => {
      const { key, cert } = await certificate(await temporaryFolder(t))
      await using proxy = await FaultyProxy.start(inject('redis').url ?? '', { key, cert })
      const url = `rediss://127.0.0.1:${proxy.port}`
      expect(await sentence(url)).toContain('not trusted (DEPTH_ZERO_SELF_SIGNED_CERT)')
      expect(await sentence(url, cert)).toBeUndefined()
    })

    test('one that is only away may come back: the server starts', async () => {
      expect(await sentence(`redis://127.0.0.1:${await freePort()}`)).toBeUndefined()
      expect(await sentence(`redis+sentinel://127.0.0.1:${await freePort()}/team`)).toBeUndefined()
      expect(await sentence(`redis+cluster://127.0.0.1:${await freePort()}`)).toBeUndefined()
    })
  },
)
