import type { Visitor } from './visitor.ts'

export type Crawl = {
  /** Statuses of all pages and files that were asked for, by their addresses. */
  readonly statuses: ReadonlyMap<string, number>
  /** What leads to our host but not below the root: where it stood, and where it leads. */
  readonly astray: readonly string[]
}

/**
 * Asks for these pages (paths below `root`) and for everything that can be reached from them by links on this host, as one visitor. Forms
 * are not sent, but where they lead is looked at, too.
 */
export async function crawl(
  visitor: Visitor,
  { root, starts, not }: { root: string; starts: readonly string[]; not: RegExp },
): Promise<Crawl> {
  const statuses = new Map<string, number>()
  const astray: string[] = []
  const waiting = starts.map((path) => root + path)
  for (let at = waiting.shift(); at !== undefined; at = waiting.shift()) {
    if (statuses.has(at)) continue
    const response = await fetch(at, {
      redirect: 'manual',
      headers: { accept: 'text/html', cookie: visitor.cookies.header() },
    })
    visitor.cookies.take(response.headers.getSetCookie())
    statuses.set(at, response.status)
    const isPage = response.headers.get('content-type')?.startsWith('text/html') ?? false
    const text = await response.text()
    const location = response.headers.get('location')
    const { links, forms } = isPage ? addressesIn(text) : { links: [], forms: [] }
    const here = [...links, ...(location === null ? [] : [location])].map((it) => new URL(it, at))
    for (const url of [...here, ...forms.map((it) => new URL(it, at))])
      if (url.origin === new URL(root).origin && !`${url}`.startsWith(`${root}/`))
        astray.push(`${at}: ${url}`)
    for (const url of here) {
      url.hash = ''
      if (`${url}`.startsWith(`${root}/`) && !not.test(`${url}`)) waiting.push(`${url}`)
    }
  }
  return { statuses, astray }
}

function addressesIn(text: string): { links: string[]; forms: string[] } {
  const found = (attributes: string) =>
    [...text.matchAll(new RegExp(` (?:${attributes})="([^"]*)"`, 'g'))].map(([, it = '']) =>
      it.replaceAll('&amp;', '&'),
    )
  return { links: found('href|src'), forms: found('action|formaction') }
}
