import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'

/** A build server on loopback: it signs identity tokens, publishes its keys, and hands tokens to its jobs as GitHub Actions does. */
export class BuildServer implements AsyncDisposable {
  /** What its tokens say, beside when and to whom. */
  claims: JWTPayload = {
    sub: 'repo:kim/box:ref:refs/heads/main',
    repository: 'kim/box',
    workflow_ref: 'kim/box/.github/workflows/publish.yml@refs/heads/main',
    environment: 'prod',
  }
  /** How often its keys were asked for. */
  asked = 0
  /** Whom its jobs asked tokens for. */
  readonly audiences: string[] = []
  #key: CryptoKey | undefined
  #jwks: object = { keys: [] }
  #kid = 0
  #jti = 0
  readonly #server = createServer(async (request, reply) => {
    const url = new URL(request.url ?? '/', this.url)
    const answer = (body: object) =>
      reply.setHeader('content-type', 'application/json').end(JSON.stringify(body))
    if (url.pathname === '/id-token') {
      const aud = url.searchParams.get('audience') ?? ''
      this.audiences.push(aud)
      return answer({ value: await this.token({ aud }) })
    }
    if (url.pathname !== '/keys') return answer({ issuer: this.url, jwks_uri: `${this.url}/keys` })
    this.asked++
    return answer(this.#jwks)
  })

  static async start(): Promise<BuildServer> {
    const server = new BuildServer()
    server.#server.listen(0, '127.0.0.1')
    await once(server.#server, 'listening')
    await server.rotate()
    return server
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}` // listening on TCP
  }

  /** What a job of GitHub Actions finds in its environment. */
  get environment(): Record<string, string> {
    return {
      GITHUB_ACTIONS: 'true',
      ACTIONS_ID_TOKEN_REQUEST_URL: `${this.url}/id-token?api-version=2`,
      ACTIONS_ID_TOKEN_REQUEST_TOKEN: 'of this job',
    }
  }

  /** From now on it signs with a new key. */
  async rotate(): Promise<void> {
    const { publicKey, privateKey } = await generateKeyPair('ES256')
    this.#key = privateKey
    const kid = `key ${++this.#kid}`
    this.#jwks = { keys: [{ ...(await exportJWK(publicKey)), kid, alg: 'ES256', use: 'sig' }] }
  }

  async token(claims: JWTPayload = {}): Promise<string> {
    const now = Math.floor(Date.now() / 1000)
    const times = { iat: now, nbf: now, exp: now + 300, jti: `token ${++this.#jti}` }
    const payload = { iss: this.url, aud: 'npm:127.0.0.1', ...times, ...this.claims, ...claims }
    if (!this.#key) throw new Error('it has no key yet')
    return new SignJWT(payload).setProtectedHeader({ alg: 'ES256', kid: `key ${this.#kid}` }).sign(this.#key)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.#server.closeAllConnections()
    await closed
  }
}
