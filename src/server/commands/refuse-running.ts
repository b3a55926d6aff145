import type { Config } from '../config.ts'
import { Failure } from '../failure.ts'
import { runningServer } from '../running.ts'

/** For what must have the data to itself: what a server writes meanwhile would be lost. */
export async function refuseRunning({ cacheDir }: Config): Promise<void> {
  const server = await runningServer(cacheDir)
  if (server) throw new Failure(`A server runs on ${cacheDir} (process ${server.pid}). Stop it first.`)
}
