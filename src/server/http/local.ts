import type { Context } from 'koa'

/**
 * Where something is on our own website, as the server sees it. The public address may have a path of its own, which a browser must be told
 * and the server never sees: it is written by `below` alone, so nobody can forget it.
 */
export class Local {
  /** Begins with a slash; with its query, where there is one. */
  readonly path: string

  constructor(path: string) {
    this.path = path
  }

  /** Further down; what is no sign of a name or a version is percent-encoded. */
  at(...segments: readonly string[]): Local {
    return new Local([this.path, ...segments.map(encoded)].join('/'))
  }

  /** The same, asked with a query. */
  with(query: Readonly<Record<string, string | number>>): Local {
    const pairs = Object.entries(query).map(([name, value]): [string, string] => [name, String(value)])
    return new Local(`${this.path}?${new URLSearchParams(pairs)}`)
  }

  /** As clients ask for it: `base` is the public address, or its path alone where they know the rest. */
  below(base: string): string {
    return base + this.path
  }
}

/** The start page. */
export const HOME = new Local('/')

/** Everything else on the website stands under `/www/`. */
export function www(...segments: readonly string[]): Local {
  return new Local('/www').at(...segments)
}

/** Sends a browser on to one of our own pages. */
export function redirect(ctx: Context, to: Local): void {
  ctx.redirect(to.below(ctx.state.base))
}

/** encodeURIComponent, but for the signs of names and versions that are legal in a path anyway. */
function encoded(segment: string): string {
  return encodeURIComponent(segment).replaceAll('%40', '@').replaceAll('%2B', '+')
}
