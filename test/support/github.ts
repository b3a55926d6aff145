import { createHash, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Asked = { readonly path: string; readonly query: URLSearchParams; readonly body: URLSearchParams }

/** A provider on loopback that speaks OAuth as GitHub does, with one user who always says yes. */
export class FakeGithub implements AsyncDisposable {
  readonly asked: Asked[] = []
  readonly url: string
  user: { id: number; login: string; email: string | null } = {
    id: 42,
    login: 'octo',
    email: 'octo@example.org',
  }
  readonly #codes = new Map<string, string | null>()
  readonly #tokens = new Set<string>()
  readonly #end: () => Promise<void>

  private constructor(url: string, end: () => Promise<void>) {
    this.url = url
    this.#end = end
  }

  static async open(): Promise<FakeGithub> {
    const server = createServer(async (request, response) => {
      let text = ''
      for await (const chunk of request) text += chunk
      const { pathname, searchParams } = new URL(`http://x${request.url}`)
      const asked = { path: pathname, query: searchParams, body: new URLSearchParams(text) }
      github.asked.push(asked)
      const { status, headers, body } = github.#answer(asked, request.headers.authorization ?? '')
      response.writeHead(status, headers).end(body)
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const { port } = server.address() as AddressInfo // it listens on TCP
    const end = async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    }
    const github: FakeGithub = new FakeGithub(`http://127.0.0.1:${port}`, end)
    return github
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#end()
  }

  #answer({ path, query, body }: Asked, authorization: string) {
    const json = { 'content-type': 'application/json' }
    if (path === '/login/oauth/authorize') {
      const code = randomBytes(10).toString('hex')
      this.#codes.set(code, query.get('code_challenge'))
      const back = new URL(query.get('redirect_uri') ?? '')
      back.search = new URLSearchParams({ code, state: query.get('state') ?? '' }).toString()
      return { status: 302, headers: { location: back.href }, body: '' }
    }
    if (path === '/login/oauth/access_token') {
      const challenge = this.#codes.get(body.get('code') ?? '')
      this.#codes.delete(body.get('code') ?? '')
      const proof = createHash('sha256')
        .update(body.get('code_verifier') ?? '')
        .digest('base64url')
      const form = { 'content-type': 'application/x-www-form-urlencoded' }
      if (challenge === undefined || challenge !== proof || body.get('client_secret') !== 'hush')
        return { status: 200, headers: form, body: 'error=bad_verification_code' } // GitHub says so with 200
      const token = `gho_${randomBytes(10).toString('hex')}`
      this.#tokens.add(token)
      return { status: 200, headers: form, body: `access_token=${token}&scope=&token_type=bearer` }
    }
    if (path === '/api/user' && this.#tokens.has(authorization.replace(/^Bearer /i, '')))
      return { status: 200, headers: json, body: JSON.stringify(this.user) }
    return { status: 401, headers: json, body: '{"message":"Bad credentials"}' }
  }
}
