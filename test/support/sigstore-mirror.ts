import { generateKeyPairSync, sign } from 'node:crypto'
import { once } from 'node:events'
import { mkdir, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { days, iso } from '../../src/base/time.ts'
import { canonical, Sigstore, sha256 } from './sigstore.ts'
import { Authority } from './x509.ts'

/** Where npm looks up which keys of Sigstore to believe. */
const HOST = 'tuf-repo-cdn.sigstore.dev'
const KEY = 'the key of tests'

type Place = {
  /** Where npm keeps what it knows of Sigstore: for publishing, and for audits. */
  readonly stores: readonly string[]
  /** Where files may be written. */
  readonly folder: string
}

/**
 * Stands where the network of a firm does: a proxy that has Sigstore's host on this machine, with keys of our own. npm goes there by HTTPS_PROXY
 * and begins with our root of trust, as with one it fetched itself; nothing of npm is replaced, and it checks all it always does.
 */
export class SigstoreMirror implements AsyncDisposable {
  readonly sigstore = new Sigstore()
  readonly #keys = generateKeyPairSync('ed25519')
  readonly #authority = new Authority('a certifier of hosts')
  readonly #files: ReadonlyMap<string, Buffer>
  readonly #secure
  readonly #proxy

  private constructor() {
    this.#files = this.#repository()
    const names = [{ dns: HOST }]
    this.#secure = createTlsServer(
      this.#authority.issue({ commonName: HOST, names }),
      ({ url = '' }, reply) => {
        const file = this.#files.get(url)
        reply.writeHead(file ? 200 : 404).end(file)
      },
    )
    this.#proxy = createServer((_, reply) => void reply.writeHead(403).end())
    this.#proxy.on('connect', ({ url }, socket) => {
      if (url !== `${HOST}:443`) return void socket.end('HTTP/1.1 403 Forbidden\r\n\r\n')
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n')
      this.#secure.emit('connection', socket)
    })
  }

  static async start(): Promise<SigstoreMirror> {
    const mirror = new SigstoreMirror()
    mirror.#proxy.listen(0, '127.0.0.1')
    await once(mirror.#proxy, 'listening')
    return mirror
  }

  /** Resolves to the variables that lead npm here. */
  async serve({ stores, folder }: Place): Promise<Record<string, string>> {
    for (const store of stores) {
      await mkdir(join(store, HOST), { recursive: true })
      await writeFile(join(store, HOST, 'root.json'), this.#root())
    }
    const authority = join(folder, 'hosts.pem')
    await writeFile(authority, this.#authority.own.cert)
    const { port } = this.#proxy.address() as AddressInfo // listening on TCP
    return {
      HTTPS_PROXY: `http://127.0.0.1:${port}`,
      NO_PROXY: '127.0.0.1',
      NODE_EXTRA_CA_CERTS: authority,
      // npm 12 leaves it to Node's own fetch.
      NODE_USE_ENV_PROXY: '1',
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const closed = once(this.#proxy, 'close')
    this.#proxy.close()
    this.#proxy.closeAllConnections()
    this.#secure.closeAllConnections()
    await closed
  }

  /** A repository as of https://theupdateframework.github.io/specification/latest/, by path. */
  #repository(): Map<string, Buffer> {
    const trustedRoot = Buffer.from(JSON.stringify(this.sigstore.trustedRoot()))
    const target = { length: trustedRoot.length, hashes: { sha256: sha256(trustedRoot).toString('hex') } }
    return new Map([
      ['/timestamp.json', this.#signed('timestamp', { meta: { 'snapshot.json': { version: 1 } } })],
      ['/snapshot.json', this.#signed('snapshot', { meta: { 'targets.json': { version: 1 } } })],
      ['/targets.json', this.#signed('targets', { targets: { 'trusted_root.json': target } })],
      ['/targets/trusted_root.json', trustedRoot],
    ])
  }

  #root(): Buffer {
    const raw = this.#keys.publicKey.export({ format: 'der', type: 'spki' }).subarray(-32).toString('hex')
    const key = { keytype: 'ed25519', scheme: 'ed25519', keyval: { public: raw } }
    const role = { keyids: [KEY], threshold: 1 }
    const roles = { root: role, timestamp: role, snapshot: role, targets: role }
    return this.#signed('root', { consistent_snapshot: false, keys: { [KEY]: key }, roles })
  }

  #signed(type: string, rest: object): Buffer {
    const expires = iso(Date.now() + days(1)).replace(/\.\d+/, '')
    const signed = { _type: type, spec_version: '1.0', version: 1, expires, ...rest }
    const sig = sign(undefined, canonical(signed), this.#keys.privateKey).toString('hex')
    return Buffer.from(JSON.stringify({ signatures: [{ keyid: KEY, sig }], signed }))
  }
}
