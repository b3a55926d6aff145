import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Provider from 'oidc-provider'

const FORM = { 'content-type': 'application/x-www-form-urlencoded' }

/** A certified OpenID Connect provider on loopback, which lets everybody in under the name they type. */
export class OidcIssuer implements AsyncDisposable {
  readonly issuer: string
  readonly #end: () => Promise<void>

  private constructor(issuer: string, end: () => Promise<void>) {
    this.issuer = issuer
    this.#end = end
  }

  static async open(): Promise<OidcIssuer> {
    const server = createServer()
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo // it listens on TCP
    const issuer = `http://127.0.0.1:${port}`
    server.on('request', providerAt(issuer).callback())
    return new OidcIssuer(issuer, async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    })
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#end()
  }

  /** What a person does there: types a name, consents, and is sent back; resolves to the address back. */
  async visit(address: string, name: string): Promise<string> {
    const cookies = new Map<string, string>()
    const go = async (url: string, body?: string): Promise<string> => {
      const cookie = [...cookies].map((pair) => pair.join('=')).join('; ')
      const request = { redirect: 'manual', headers: { cookie, ...(body && FORM) } } as const
      const response = await fetch(url, body ? { ...request, method: 'POST', body } : request)
      for (const set of response.headers.getSetCookie()) {
        const [, key = '', value = ''] = /^([^=]+)=([^;]*)/.exec(set) ?? []
        cookies.set(key, value)
      }
      const location = response.headers.get('location')
      if (location === null) return go(url, form(await response.text(), name))
      const next = new URL(location, url)
      return next.origin === this.issuer ? go(next.href) : next.href
    }
    return go(address)
  }
}

function providerAt(issuer: string): Provider {
  const provider = new Provider(issuer, {
    clients: [{ client_id: 'app', client_secret: 'hush', redirect_uris: ['http://127.0.0.1/any'] }],
    claims: { openid: ['sub'], profile: ['preferred_username'], email: ['email'] },
    cookies: { keys: ['for tests'] },
    findAccount: (_, id) => ({
      accountId: id,
      claims: () => ({ sub: id, preferred_username: id, email: `${id}@example.org` }),
    }),
    pkce: { required: () => true },
  })
  // The registry's port is not known yet.
  provider.Client.prototype.redirectUriAllowed = () => true
  return provider
}

/** The provider's own pages for developers: a form to log in, then one to consent. */
function form(page: string, name: string): string {
  const prompt = /name="prompt" value="(\w+)"/.exec(page)?.[1] ?? ''
  return new URLSearchParams(
    prompt === 'login' ? { prompt, login: name, password: 'any' } : { prompt },
  ).toString()
}
