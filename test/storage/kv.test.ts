import { MessageChannel, type MessagePort } from 'node:worker_threads'
import { describe, vi } from 'vitest'
import { silentLog } from '../../src/base/log.ts'
import { type Channel, ChannelKv, serveKv } from '../../src/storage/kv-channel.ts'
import { MemoryKv } from '../../src/storage/kv-memory.ts'
import { connectRedis } from '../../src/storage/kv-redis-connect.ts'
import { kvSuite } from '../conformance/kv.ts'
import { missing, redisUrl } from '../support/services.ts'

kvSuite('in this process', async () => new MemoryKv(silentLog))

kvSuite('of another process', async () => {
  const { port1, port2 } = new MessageChannel()
  const kv = new MemoryKv(silentLog)
  serveKv(kv, channelOf(port1))
  const far = new ChannelKv(channelOf(port2))
  vi.spyOn(far, 'close').mockImplementation(async () => {
    port1.close()
    await kv.close()
  })
  return far
})

function channelOf(port: MessagePort): Channel {
  return {
    send: (message) => port.postMessage(message),
    on: (event, listener) => port.on(event, listener),
  }
}

describe.skipIf(missing.redis)(missing.redis ?? 'Redis', () => {
  kvSuite('redis', async () => connectRedis((await redisUrl()) ?? '', silentLog))
})
