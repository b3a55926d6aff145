import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { gzipSync } from 'node:zlib'
import { type Entry, packageTarball, sha1, sha512 } from './tarball.ts'

/** A version as given to the scripted upstream; whatever is not said is made up. */
export type ScriptedVersion = {
  readonly manifest?: object
  readonly files?: Readonly<Record<string, Entry>>
  /** In the place of one with the manifest and the files. */
  readonly tarball?: Buffer
  /** Over what is computed; `undefined` takes a member away. */
  readonly dist?: Readonly<Record<string, unknown>>
  /** ISO date. */
  readonly time?: string
}
export type ScriptedPackages = Readonly<Record<string, Readonly<Record<string, ScriptedVersion>>>>

// Tests change any part of it.
// biome-ignore lint/suspicious/noExplicitAny: see above
export type UpstreamPackument = Record<string, any>

/** What a path does instead of answering. Names for the usual; a function for anything else. */
export type Misbehaviour =
  /** Takes the request and says nothing. */
  | 'hang'
  /** Closes the connection without a reply. */
  | 'close'
  | 'html'
  /** A few kilobytes of gzip that unpack to more than anybody has room for. */
  | 'gzip bomb'
  /** A body that goes on as long as somebody reads. */
  | 'endless'
  | 'redirect loop'
  /** The right length, one bit turned. */
  | 'wrong bytes'
  /** Announces ten bytes more than it has. */
  | 'wrong length'
  /** Begins, then closes the connection after so many bytes. */
  | { readonly cut: number }
  /** Another status, with headers if wanted. */
  | { readonly status: number; readonly headers?: Readonly<Record<string, string>> }
  /** Answers properly, so many milliseconds late. */
  | { readonly delay: number }
  | ((request: IncomingMessage, reply: ServerResponse) => void | Promise<void>)

export type SeenRequest = { readonly path: string; readonly headers: IncomingMessage['headers'] }

type Found = { readonly body: Buffer; readonly headers: Readonly<Record<string, string>> }
type Script = { readonly misbehaviour: Misbehaviour; left: number }

/** A registry for npm to mirror, on a free loopback port: real tarballs, ETags and gzip, and any misbehaviour by path. */
export class ScriptedUpstream implements AsyncDisposable {
  /** Everything asked so far, in order; paths decoded. */
  readonly requests: SeenRequest[] = []
  readonly #packuments = new Map<string, UpstreamPackument>()
  readonly #tarballs = new Map<string, Buffer>()
  readonly #scripts = new Map<string, Script>()
  readonly #waiting = new Set<() => void>()
  #server: Server | undefined
  #port = 0

  get url(): string {
    return `http://127.0.0.1:${this.#port}`
  }

  /** How often `path` was asked for; without one, everything. */
  count(path?: string): number {
    return this.requests.filter((request) => path === undefined || request.path === path).length
  }

  /** Resolves when `path` has been asked for `times` times. */
  async asked(path: string, times = 1): Promise<void> {
    while (this.count(path) < times) await new Promise<void>((resolve) => this.#waiting.add(resolve))
  }

  /** Adds a version, or replaces it. */
  async publish(name: string, version: string, given: ScriptedVersion = {}): Promise<void> {
    const manifest = { name, version, ...given.manifest }
    const files = given.files ?? { 'index.js': `// ${name}@${version}` }
    const tarball = given.tarball ?? (await packageTarball(manifest, files))
    const path = tarballPath(name, version)
    this.#tarballs.set(path, tarball)
    const dist = {
      integrity: sha512(tarball),
      shasum: sha1(tarball),
      tarball: this.url + path,
      ...given.dist,
    }
    const time = given.time ?? '2020-01-02T03:04:05.678Z'
    const packument = this.#packuments.get(name) ?? newPackument(name, time)
    packument.versions[version] = { ...manifest, dist }
    packument.time[version] = time
    packument.time.modified = time
    packument['dist-tags'].latest = version
    this.#packuments.set(name, packument)
  }

  /** Changes a packument as it is served. */
  change(name: string, edit: (packument: UpstreamPackument) => void): void {
    const packument = this.#packuments.get(name)
    if (!packument) throw new Error(`the scripted upstream has no ${name}`)
    edit(packument)
  }

  /** A version's tarball as it is served. */
  tarball(name: string, version: string): Buffer {
    const tarball = this.#tarballs.get(tarballPath(name, version))
    if (!tarball) throw new Error(`the scripted upstream has no ${name}@${version}`)
    return tarball
  }

  /** From now on (or for the next `times` requests) `path` does this instead. */
  misbehave(path: string, misbehaviour: Misbehaviour, times = Number.POSITIVE_INFINITY): void {
    this.#scripts.set(path, { misbehaviour, left: times })
  }

  behave(path: string): void {
    this.#scripts.delete(path)
  }

  /** Lets replies for `path` stop after `bytes` bytes until `release` is called. */
  hold(path: string, bytes = 0): { release(): void } {
    const gate = Promise.withResolvers<void>()
    this.misbehave(path, async (request, reply) => {
      const found = this.#find(pathOf(request))
      if (!found) return void reply.writeHead(404).end()
      reply.writeHead(200, { ...found.headers, 'content-length': found.body.length })
      reply.flushHeaders()
      if (bytes > 0) reply.write(found.body.subarray(0, bytes))
      await gate.promise
      reply.end(found.body.subarray(bytes))
    })
    return { release: () => gate.resolve() }
  }

  /** Nobody listens any more; open connections are cut. */
  async stop(): Promise<void> {
    const server = this.#server
    if (!server) return
    this.#server = undefined
    const closed = once(server, 'close')
    server.close()
    server.closeAllConnections()
    await closed
  }

  /** Listens again, on the same port. */
  async start(): Promise<void> {
    const server = createServer((request, reply) => void this.#answer(request, reply))
    server.listen(this.#port, '127.0.0.1')
    await once(server, 'listening')
    this.#server = server
    this.#port = (server.address() as AddressInfo).port // listening on TCP
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.stop()
  }

  async #answer(request: IncomingMessage, reply: ServerResponse): Promise<void> {
    const path = pathOf(request)
    this.requests.push({ path, headers: request.headers })
    for (const resolve of this.#waiting) resolve()
    this.#waiting.clear()
    const script = this.#scripts.get(path)
    if (!script || script.left-- <= 0) return serve(this.#find(path), request, reply)
    await this.#misbehave(script.misbehaviour, request, reply)
  }

  async #misbehave(how: Misbehaviour, request: IncomingMessage, reply: ServerResponse): Promise<void> {
    const found = this.#find(pathOf(request))
    if (typeof how === 'function') return how(request, reply)
    if (typeof how === 'string') return named[how](request, reply, found)
    if ('status' in how) return void reply.writeHead(how.status, how.headers).end()
    if ('delay' in how) return void setTimeout(() => serve(found, request, reply), how.delay)
    const body = found?.body ?? Buffer.alloc(how.cut)
    reply.writeHead(200, { ...found?.headers, 'content-length': body.length })
    reply.write(body.subarray(0, how.cut), () => reply.destroy())
  }

  #find(path: string): Found | undefined {
    const tarball = this.#tarballs.get(path)
    if (tarball) return { body: tarball, headers: { 'content-type': 'application/octet-stream' } }
    const packument = this.#packuments.get(path.slice(1))
    if (!packument) return undefined
    const body = Buffer.from(JSON.stringify(packument))
    const etag = `"${createHash('sha256').update(body).digest('hex')}"`
    return { body, headers: { 'content-type': 'application/json', etag, vary: 'accept-encoding' } }
  }
}

/** `await using upstream = await startUpstream({ packages: { 'left-pad': { '1.3.0': {} } } })` */
export async function startUpstream(script: { packages?: ScriptedPackages } = {}): Promise<ScriptedUpstream> {
  const upstream = new ScriptedUpstream()
  await upstream.start()
  for (const [name, versions] of Object.entries(script.packages ?? {}))
    for (const [version, given] of Object.entries(versions)) await upstream.publish(name, version, given)
  return upstream
}

/** Where a version's tarball lies at the scripted upstream. */
export function tarballPath(name: string, version: string): string {
  return `/${name}/-/${name.slice(name.indexOf('/') + 1)}-${version}.tgz`
}

type Named = (request: IncomingMessage, reply: ServerResponse, found: Found | undefined) => void

const named: Record<Extract<Misbehaviour, string>, Named> = {
  hang() {},
  close: (request) => void request.socket.destroy(),
  html: (_, reply) =>
    void reply.setHeader('content-type', 'text/html').end('<!doctype html><p>Please log in</p>'),
  'gzip bomb': (_, reply) => {
    // Members of a gzip file are unpacked one after the other: 320 MiB of spaces.
    const member = gzipSync(Buffer.alloc(16 * 2 ** 20, ' '))
    reply.setHeader('content-encoding', 'gzip').end(Buffer.concat(Array.from({ length: 20 }, () => member)))
  },
  endless: (_, reply) => {
    const more = () => void reply.write(Buffer.alloc(64 * 1024, ' '), (error) => error || setImmediate(more))
    more()
  },
  'redirect loop': (request, reply) => void reply.writeHead(302, { location: request.url }).end(),
  'wrong bytes': (_, reply, found) => {
    const body = Buffer.from(found?.body ?? '')
    body.writeUInt8((body.at(-1) ?? 0) ^ 1, body.length - 1)
    reply.writeHead(200, { ...found?.headers, 'content-length': body.length }).end(body)
  },
  'wrong length': (_, reply, found) => {
    const body = found?.body ?? Buffer.alloc(0)
    reply.writeHead(200, { ...found?.headers, 'content-length': body.length + 10 })
    reply.write(body, () => reply.destroy())
  },
}

function serve(found: Found | undefined, request: IncomingMessage, reply: ServerResponse): void {
  if (!found)
    return void reply.writeHead(404, { 'content-type': 'application/json' }).end('{"error":"Not found"}')
  if (found.headers.etag !== undefined && request.headers['if-none-match'] === found.headers.etag)
    return void reply.writeHead(304, { etag: found.headers.etag }).end()
  const gzips = found.headers.vary !== undefined && /\bgzip\b/.test(`${request.headers['accept-encoding']}`)
  const body = gzips ? gzipSync(found.body) : found.body
  const encoding = gzips ? { 'content-encoding': 'gzip' } : {}
  reply.writeHead(200, { ...found.headers, ...encoding, 'content-length': body.length }).end(body)
}

function newPackument(name: string, created: string): UpstreamPackument {
  return { _id: name, name, 'dist-tags': {}, versions: {}, time: { created, modified: created } }
}

function pathOf(request: IncomingMessage): string {
  return decodeURIComponent(request.url ?? '/')
}
