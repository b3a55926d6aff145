import type { Upstream } from '../upstream.ts'
import { noUpstream } from './no-upstream.ts'

/** Which packages come from where. `match` is an npm name in which `*` stands for any text, as in `@acme/*`. */
export type UpstreamRoute = { readonly match: string; readonly upstream: Upstream }

/**
 * Several upstreams as one: of an ordered list the first route that matches a name is the only one asked, so that a name of one
 * registry is never looked for in another. What no route matches comes from nowhere.
 */
export class RoutedUpstream implements Upstream {
  readonly url = ''
  readonly origins: readonly Upstream[]
  readonly #routes: readonly { readonly pattern: RegExp; readonly upstream: Upstream }[]

  constructor(routes: readonly UpstreamRoute[]) {
    // In every spelling: a name that differs in its case alone must not slip past its route.
    this.#routes = routes.map(({ match, upstream }) => ({
      pattern: new RegExp(patternOf(match), 'i'),
      upstream,
    }))
    this.origins = routes.flatMap(({ upstream }) => upstream.origins)
  }

  for(npmName: string): Upstream {
    return this.#routes.find(({ pattern }) => pattern.test(npmName))?.upstream ?? noUpstream
  }

  document: Upstream['document'] = (npmName, ...rest) => this.for(npmName).document(npmName, ...rest)

  tarball: Upstream['tarball'] = (what, ...rest) => this.for(nameOf(what)).tarball(what, ...rest)

  async close(): Promise<void> {
    await Promise.all(this.#routes.map(({ upstream }) => upstream.close()))
  }
}

/** Whole names; `*` stands for any text. */
export function patternOf(match: string): RegExp {
  const parts = match.split('*').map((part) => RegExp.escape(part))
  return new RegExp(`^${parts.join('.*')}$`)
}

/** `@scope/name@1.0.0` → `@scope/name` */
function nameOf(what: string): string {
  const at = what.indexOf('@', 1)
  return at < 0 ? what : what.slice(0, at)
}
