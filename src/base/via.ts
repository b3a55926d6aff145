import { AsyncLocalStorage } from 'node:async_hooks'

/** The registries that a request came through, in their order, as its Via header names them (RFC 9110 §7.6.3). */
const chain = new AsyncLocalStorage<readonly string[]>()

/** Ours among what proxies on the way add. */
const OURS = /\bentropic-[0-9a-f]{12}\b/g

/** Runs `work` for a request with this Via header. */
export function comingVia<T>(header: string | undefined, work: () => T): T {
  const names = header?.match(OURS)
  return names ? chain.run(names, work) : work()
}

/** What the request being answered came through; empty for what comes straight from a client. */
export function cameVia(): readonly string[] {
  return chain.getStore() ?? []
}
