import { Cookies } from './cookies.ts'

export type Page = {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  /** Where it was found, after redirects on this site. */
  readonly path: string
  /** Where it leads, when it leads off the site. */
  readonly leadsTo: string | undefined
}

/** A browser without scripts: keeps cookies, follows redirects on its site, fills in forms that it was shown. */
export class Visitor {
  readonly url: string
  readonly cookies: Cookies
  #page: Page | undefined

  constructor(url: string, cookies = new Cookies()) {
    this.url = url
    this.cookies = cookies
  }

  get(path: string): Promise<Page> {
    return this.#go('GET', path, undefined)
  }

  /** Sends the first form on the page last shown that has this action, with its hidden fields and these values. */
  submit(action: string, values: Readonly<Record<string, string>> = {}): Promise<Page> {
    const form = formsOf(this.#page?.text ?? '').find((one) => one.action === action)
    if (!form) throw new Error(`no form for ${action} on ${this.#page?.path}: ${this.#page?.text}`)
    return this.#go('POST', action, new URLSearchParams({ ...form.hidden, ...values }))
  }

  /** Sends what no form of the site would. */
  post(path: string, values: Readonly<Record<string, string>>): Promise<Page> {
    return this.#go('POST', path, new URLSearchParams(values))
  }

  async logIn(name: string, password = `${name}-password`): Promise<Page> {
    await this.get('/www/login')
    return this.submit('/www/login', { name, password })
  }

  async #go(method: string, path: string, body: URLSearchParams | undefined): Promise<Page> {
    const response = await fetch(new URL(path, this.url), {
      method,
      redirect: 'manual',
      headers: { accept: 'text/html', cookie: this.cookies.header() },
      ...(body && { body }),
    })
    this.cookies.take(response.headers.getSetCookie())
    const location = response.headers.get('location')
    const text = await response.text()
    const target = location === null ? undefined : new URL(location, new URL(path, this.url))
    if (target && target.origin === new URL(this.url).origin)
      return this.#go('GET', target.pathname + target.search, undefined)
    this.#page = { status: response.status, headers: response.headers, text, path, leadsTo: target?.href }
    return this.#page
  }
}

function formsOf(text: string): { action: string; hidden: Record<string, string> }[] {
  return [...text.matchAll(/<form[^>]*action="([^"]+)"[^>]*>(.*?)<\/form>/gs)].map(
    ([, action = '', inner = '']) => {
      const inputs = [...inner.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)]
      const hidden = Object.fromEntries(inputs.map(([, name, value]) => [name, unescaped(value ?? '')]))
      return { action, hidden }
    },
  )
}

function unescaped(text: string): string {
  return text
    .replaceAll('&lt;', '<')
    .replaceAll('&gt;', '>')
    .replaceAll('&quot;', '"')
    .replaceAll('&#39;', "'")
    .replaceAll('&amp;', '&')
}
