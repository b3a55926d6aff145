import { getCACertificates } from 'node:tls'
import type { Cluster, CommonRedisOptions, Redis } from 'ioredis'
import type { Log } from '../base/log.ts'
import { parseRedisUrl, type RedisUrl } from '../base/redis-url.ts'
import { seconds } from '../base/time.ts'
import type { Kv } from './kv.ts'
import { RedisKv } from './kv-redis.ts'
import { isDistrust, networkTrouble, Unusable } from './unusable.ts'

/** As long as this, a command may hang before Redis counts as away. */
const PATIENCE = seconds(2)
/** As long as this, starting waits for Redis. */
const LONGEST_MEETING = seconds(5)
/** The first with users of their own, which its address may name. */
const OLDEST = 6

const ADVICE = { address: 'REDIS_URL', ca: 'REDIS_CA' }

/** What no waiting mends, by the first word of Redis' answer. */
const REFUSALS: readonly [answer: RegExp, why: string][] = [
  [/WRONGPASS|invalid (username-)?password/i, 'user or password in REDIS_URL is wrong'],
  [/NOAUTH|Authentication required/, 'it asks for a password; put it into REDIS_URL'],
  [/NOPERM/, 'the user in REDIS_URL may not get, set and delete keys that begin with "entropic:"'],
  [/READONLY/, 'it is a replica; name the server it copies, or the sentinels that know it, in REDIS_URL'],
  [/DB index is out of range/, 'it has no database of the number in REDIS_URL'],
  [/cluster support disabled/i, 'it is no cluster; leave "+cluster" out of REDIS_URL'],
  [/^MOVED/, 'it belongs to a cluster; write redis+cluster:// in REDIS_URL'],
  [/wrong number of arguments for 'auth'/, `it is older than Redis ${OLDEST}`],
]

/**
 * Connects to `url` (see parseRedisUrl) and resolves when Redis answers or has failed once; then it goes on trying behind the scenes.
 * Commands fail at once while there is no connection, instead of queueing up behind it. Throws Unusable for what waiting does not mend.
 */
export async function connectRedis(url: string, log: Log, ca?: string): Promise<Kv> {
  const address = parseRedisUrl(url)
  if (!address) throw new Unusable('REDIS_URL is no address of Redis.')
  const client = await clientOf(address, ca)
  const kv = new RedisKv(client, log)
  try {
    await meet(client)
    return kv
  } catch (error) {
    const why = whyUnusable(error)
    if (why === undefined) return kv
    await kv.close()
    const where = address.nodes.map(({ host, port }) => `${host}:${port}`).join(', ')
    throw new Unusable(`Cannot use Redis at ${where}: ${why}.`, { cause: error })
  }
}

async function clientOf(address: RedisUrl, ca: string | undefined): Promise<Redis | Cluster> {
  const { Redis, Cluster } = await import('ioredis')
  const { nodes, username, password, database, master } = address
  const tls = address.tls ? { tls: ca === undefined ? {} : { ca: [...getCACertificates(), ca] } } : {}
  const node: CommonRedisOptions = {
    commandTimeout: PATIENCE,
    connectTimeout: PATIENCE,
    maxRetriesPerRequest: 0,
    ...tls,
    ...(username !== undefined && { username }),
    ...(password !== undefined && { password }),
  }
  const common = { keyPrefix: 'entropic:', enableOfflineQueue: false, lazyConnect: true }
  const again = (attempt: number) => Math.min(attempt * 100, seconds(5))
  if (address.form === 'cluster') {
    // Nodes tell of each other by address; a certificate may know their names alone, which a resolver would lose.
    const dnsLookup = (host: string, done: (error: null, host: string) => void) => done(null, host)
    const options = { redisOptions: node, clusterRetryStrategy: again, ...(address.tls && { dnsLookup }) }
    return new Cluster([...nodes], { ...common, ...options, slotsRefreshTimeout: PATIENCE })
  }
  const single = { ...common, ...node, db: database, retryStrategy: again }
  if (address.form === 'single') return new Redis({ ...single, ...nodes[0] })
  // Sentinels are asked as the servers are, by TLS or without, but without a password: the one in the URL is the servers'.
  const sentinelTls = tls.tls && { sentinelTLS: tls.tls, enableTLSForSentinelMode: true }
  const sentinels = { sentinels: [...nodes], name: master ?? '', sentinelRetryStrategy: again }
  return new Redis({ ...single, ...sentinels, ...sentinelTls, sentinelCommandTimeout: PATIENCE })
}

/** Rejects with the reason when Redis cannot be reached, or is not what we need. */
async function meet(client: Redis | Cluster): Promise<void> {
  let reason: unknown
  const failed = Promise.withResolvers<never>()
  const note = (error: unknown) => (reason = error)
  const fail = (error: unknown) => failed.reject(reason ?? error)
  client.on('node error', note).on('error', fail)
  const late = setTimeout(() => fail(new Error('Redis does not answer')), LONGEST_MEETING)
  const connecting = client.connect()
  connecting.catch(fail) // sentinels are asked again and again, so this may never come
  try {
    await Promise.race([connecting, failed.promise])
    await client.set('probe', '', 'PX', PATIENCE)
    const told = await client.info('server').catch(() => '') // not everybody may ask
    const version = /redis_version:(\d+)[.\d]*/.exec(told)
    if (version && Number(version[1]) < OLDEST)
      throw new Unusable(`its version is ${version[0].split(':')[1]}, and it must be ${OLDEST} or later`)
  } finally {
    clearTimeout(late)
    client.off('node error', note).off('error', fail)
  }
}

/** Undefined: it may pass. */
function whyUnusable(error: unknown): string | undefined {
  if (error instanceof Unusable) return error.message
  const said = error instanceof Error ? error.message : ''
  const refusal = REFUSALS.find(([answer]) => answer.test(said))
  if (refusal) return refusal[1]
  return isDistrust(error) || /wrong version number/i.test(said) ? networkTrouble(error, ADVICE) : undefined
}
