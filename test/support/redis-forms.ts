import { spawn } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { freePort, type Server, serverOf, startRedis } from './servers.ts'
import { temporaryFolder } from './temporary-folder.ts'

const SLOTS = 16_384

/** Three masters that share the keys. */
export async function startRedisCluster(): Promise<Server> {
  const count = 3
  const nodes = await Promise.all(
    Array.from({ length: count }, async () => {
      const bus = await freePort()
      const options = ['--cluster-enabled', 'yes', '--cluster-port', `${bus}`]
      return { ...(await startRedis(undefined, options)), bus }
    }),
  )
  const clients = nodes.map(({ url }) => new Redis(url))
  const [first] = nodes
  for (const [index, client] of clients.entries()) {
    const [from, to] = [index, index + 1].map((part) => Math.ceil((part * SLOTS) / count))
    await client.call('cluster', 'addslotsrange', `${from}`, `${Number(to) - 1}`)
    await client.call('cluster', 'meet', '127.0.0.1', new URL(first?.url ?? '').port, `${first?.bus}`)
  }
  await Promise.all(clients.map(agreeing))
  const hosts = nodes.map(({ url }) => new URL(url).host)
  return {
    url: `redis+cluster://${hosts.join(',')}`,
    async stop() {
      for (const client of clients) client.disconnect()
      await Promise.all(nodes.map((node) => node.stop()))
    },
  }
}

/** Resolves when the node knows of every slot. */
async function agreeing(client: Redis): Promise<void> {
  const info = await client.cluster('INFO')
  if (!info.includes('cluster_state:ok') || !info.includes('cluster_known_nodes:3')) return agreeing(client)
}

/** A sentinel that watches the server at `url` by the name "team". */
export async function startSentinel(url: string): Promise<Server> {
  const { path: folder } = await temporaryFolder()
  const port = await freePort()
  const file = join(folder, 'sentinel.conf')
  const lines = ['bind 127.0.0.1', `port ${port}`, `dir ${folder}`]
  await writeFile(file, [...lines, `sentinel monitor team 127.0.0.1 ${new URL(url).port} 1`, ''].join('\n'))
  const server = spawn('redis-server', [file, '--sentinel'])
  return serverOf(server, { folder, ready: '+monitor', url: `redis+sentinel://127.0.0.1:${port}/team` })
}
