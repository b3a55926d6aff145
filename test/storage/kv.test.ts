import { describe } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { MemoryKv } from '../../src/storage/kv-memory.ts'
import { connectRedis } from '../../src/storage/kv-redis.ts'
import { kvSuite } from '../conformance/kv.ts'
import { missing, redisUrl } from '../support/services.ts'

kvSuite('in this process', async () => new MemoryKv(silentLog))

describe.skipIf(missing.redis)(missing.redis ?? 'Redis', () => {
  kvSuite('redis', async () => connectRedis((await redisUrl()) ?? '', silentLog))
})
