import { createHash } from 'node:crypto'
import { isFault } from '../base/fault.ts'
import { type Millis, minutes, seconds } from '../base/time.ts'
import type { Context } from './context.ts'
import { foreignNames } from './foreign-names.ts'
import type { JsonObject } from './model.ts'
import type { Network } from './network.ts'
import { wordsAsked } from './search-terms.ts'
import type { Upstream } from './upstream.ts'

/** As npm's search lists it. */
export type UpstreamHit = JsonObject & { readonly package: JsonObject & { readonly name: string } }

/** As many as npm hands out at once; nobody reads further. */
const MOST = 250
const PATIENCE = seconds(2)
const KEPT: Millis = minutes(1)
const MAX_ANSWER = 4 * 2 ** 20

/** What upstreams find that is not here: the best matches, kept for a minute. */
export class UpstreamSearch {
  readonly #context: Context
  readonly #network: Network
  readonly #upstream: Upstream | undefined

  constructor(context: Context, parts: { network: Network; upstream?: Upstream }) {
    this.#context = context
    this.#network = parts.network
    this.#upstream = parts.upstream
  }

  /**
   * Packages of other names than ours. None for a text that speaks of what is ours, which no upstream is to hear, nor offline, nor from an
   * upstream that does not answer soon.
   */
  async find(text: string): Promise<UpstreamHit[]> {
    const upstream = this.#upstream
    const { read } = this.#context.storage.sql
    const asked = namesIn(text)
    if (!upstream || asked.length === 0 || (await foreignNames(read, asked)).length < asked.length) return []
    const found = await Promise.all(upstream.origins.map((origin) => this.#ask(origin, text)))
    const hits = upstream.origins.flatMap((origin, index) =>
      (found[index] ?? []).filter((hit) => upstream.for(hit.package.name) === origin),
    )
    const foreign = new Set(
      await foreignNames(
        read,
        hits.map((hit) => hit.package.name),
      ),
    )
    return hits.filter((hit) => foreign.has(hit.package.name))
  }

  async #ask(origin: Upstream, text: string): Promise<UpstreamHit[]> {
    if (!origin.service || (await this.#network.mode(origin.url)) !== 'online') return []
    const { kv } = this.#context.storage
    const key = `search:${createHash('sha256').update(`${origin.url} ${text}`).digest('base64url')}`
    const kept = await kv.get(key)
    if (kept) return hitsIn(kept)
    try {
      const path = `/-/v1/search?text=${encodeURIComponent(text)}&size=${MOST}`
      const answer = await origin.service({ path, deadline: PATIENCE, limit: MAX_ANSWER })
      if (!answer) return []
      await kv.set(key, answer, KEPT)
      return hitsIn(answer)
    } catch (error) {
      if (!isFault(error)) throw error
      this.#context.log.info({ err: error }, 'the upstream found nothing')
      return []
    }
  }
}

/** The words of a search as the names they may be, however they are spelled; those of a scope as a name in it. */
function namesIn(text: string): string[] {
  return wordsAsked(text).flatMap(({ qualifier, value }) =>
    value
      .split(/[,+]/)
      .filter(Boolean)
      .map((name) => (qualifier === 'scope' ? name.replace(/^@?/, '@') : name))
      .map((name) => name.replace(/^[^@/]+\//, '@$&').replace(/^@[^/]+$/, '$&/x')),
  )
}

function hitsIn(answer: Buffer): UpstreamHit[] {
  try {
    const { objects } = JSON.parse(answer.toString()) as JsonObject // whatever else it is has none
    return Array.isArray(objects) ? objects.filter(isHit) : []
  } catch {
    return []
  }
}

function isHit(value: unknown): value is UpstreamHit {
  if (typeof value !== 'object' || value === null || !('package' in value)) return false
  const found = value.package
  return typeof found === 'object' && found !== null && 'name' in found && typeof found.name === 'string'
}
