import type { TestProject } from 'vitest/node'
import { Missing, type Server, startPostgres, startRedis } from './servers.ts'
import { startSwift } from './swift.ts'

/** A service of the test run: where it is, or why it is not. */
export type Service = { readonly url?: string; readonly missing?: string }

declare module 'vitest' {
  export interface ProvidedContext {
    postgres: Service
    redis: Service
    s3: Service
  }
}

/**
 * Starts the servers that storage is tested on, once for the whole run. What is not installed is skipped with its reason on the
 * console; REQUIRE_ALL=1 makes that a failure.
 */
export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const started: Server[] = []
  const stop = async () => {
    await Promise.all(started.map((server) => server.stop()))
  }
  const service = async (start: () => Promise<Server>): Promise<Service> => {
    try {
      const server = await start()
      started.push(server)
      return { url: server.url }
    } catch (error) {
      if (!(error instanceof Missing) || process.env.REQUIRE_ALL === '1') throw error
      console.warn(`skipped – ${error.message}`)
      return { missing: error.message }
    }
  }
  const services = { postgres: startPostgres, redis: startRedis, s3: startSwift }
  const names = ['postgres', 'redis', 's3'] as const
  const outcomes = await Promise.allSettled(names.map((name) => service(services[name])))
  for (const [index, name] of names.entries()) {
    const outcome = outcomes[index]
    if (outcome?.status === 'fulfilled') project.provide(name, outcome.value)
    if (outcome?.status !== 'rejected') continue
    await stop()
    throw outcome.reason
  }
  return stop
}
