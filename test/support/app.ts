import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { silentLog } from '../../src/base/log.ts'
import { type Clock, days, minutes, seconds, systemClock } from '../../src/base/time.ts'
import type { Limits } from '../../src/registry/context.ts'
import type { PolicyRules } from '../../src/registry/policy.ts'
import { createRegistry, type Registry } from '../../src/registry/registry.ts'
import { newSigningKey } from '../../src/registry/signer.ts'
import { createUpstream, type Upstream } from '../../src/registry/upstream.ts'
import { createApp } from '../../src/server/app.ts'
import type { ProviderConfig } from '../../src/server/web/account/providers.ts'
import { openStorage, type Storage, type StorageConfig } from '../../src/storage/storage.ts'
import { NpmUser } from './npm-user.ts'
import type { Engine } from './services.ts'
import { temporaryFolder } from './temporary-folder.ts'

const SIGNING_KEY = newSigningKey()

export type TestAppOptions = {
  /** Another engine than SQLite, the mock and the disk. */
  readonly storage?: Partial<StorageConfig>
  /** Drivers in a place of their own, which goes away with the app. */
  readonly engine?: Engine
  /** The address of a scripted upstream, or one made already; absent: nothing is mirrored. */
  readonly upstream?: string | Upstream
  /** Addresses of other registries of this API. */
  readonly peers?: readonly string[]
  readonly offline?: boolean
  /** Which mirrored versions are offered; absent: all. */
  readonly rules?: PolicyRules
  readonly clock?: Clock
  readonly limits?: Partial<Limits>
  readonly signUp?: boolean
  readonly providers?: readonly ProviderConfig[]
  readonly trustProxy?: boolean
  /** The configured public address; absent: the one each request comes to. */
  readonly publicUrl?: string
  /** The registry's name in `ns@host/name`; absent: where it listens. */
  readonly host?: string
}

/** A whole registry on a free loopback port, over a folder of its own. */
export class TestApp implements AsyncDisposable {
  readonly url: string
  /** The registry's name in `ns@host/name`. */
  readonly host: string
  readonly folder: string
  readonly storage: Storage
  readonly registry: Registry
  readonly #end: () => Promise<void>

  constructor(parts: {
    url: string
    folder: string
    storage: Storage
    registry: Registry
    end: () => Promise<void>
  }) {
    this.url = parts.url
    this.host = new URL(parts.url).host
    this.folder = parts.folder
    this.storage = parts.storage
    this.registry = parts.registry
    this.#end = parts.end
  }

  /** A new account with a token that may publish. */
  async user(name: string, options: { admin?: boolean } = {}): Promise<NpmUser> {
    await this.registry.accounts.add({ name, password: `${name}-password`, ...options })
    const { secret } = await this.registry.tokens.issue({
      accountName: name,
      description: 'test',
      access: 'publish',
    })
    return new NpmUser(this.url, name, secret)
  }

  /** Somebody without an account. */
  anonymous(): NpmUser {
    return new NpmUser(this.url, 'anonymous', undefined)
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#end()
  }
}

export async function testApp(options: TestAppOptions = {}): Promise<TestApp> {
  await using opening = new AsyncDisposableStack()
  const folder = opening.use(await temporaryFolder())
  const place = options.engine && opening.use(await options.engine.place())
  const migrations = join(import.meta.dirname, '../../migrations')
  const config = {
    folder: folder.path,
    migrations,
    log: silentLog,
    ...options.storage,
    ...place?.config,
  }
  const storage = opening.use(await openStorage(config))
  const server = opening.adopt(await listen(), closeServer)
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}` // listening on TCP
  const registry = opening.adopt(makeRegistry(storage, new URL(url).host, options), (it) => it.close())
  const address = {
    publicUrl: options.publicUrl,
    trustProxy: options.trustProxy ?? false,
    fallback: () => url,
  }
  const cache = { packuments: 64 * 2 ** 20, tarballs: 16 * 2 ** 20 }
  const app = createApp({
    registry,
    config: {
      address,
      providers: options.providers ?? [],
      signUp: options.signUp ?? true,
      session: { secret: 'for tests', lifetime: days(30) },
      cache,
    },
    log: failingLog,
  })
  server.on('request', (request, response) => app.handle(request, response))
  const opened = opening.move()
  return new TestApp({ url, folder: config.folder, storage, registry, end: () => opened.disposeAsync() })
}

function makeRegistry(storage: Storage, host: string, options: TestAppOptions): Registry {
  const limits = { tarball: 512 * 2 ** 20, unpacked: 2 ** 31, files: 100_000, dependencies: 1024 }
  const { upstream: from } = options
  const upstream = typeof from === 'string' ? createUpstream({ url: from, timeout: seconds(5) }) : from
  return createRegistry({
    storage,
    clock: options.clock ?? systemClock,
    log: silentLog,
    limits: { ...limits, ...options.limits },
    host: () => options.host ?? host,
    sealingKey: 'a key for tests',
    signingKey: SIGNING_KEY,
    ...(upstream ? { upstream } : {}),
    ...(options.rules && { policyRules: options.rules }),
    peers: (options.peers ?? []).map((url) => createUpstream({ url, timeout: seconds(5) })),
    mirrorPolicy: {
      packumentTtl: minutes(5),
      staleLimit: days(1),
      ...(options.offline && { mode: 'offline' }),
    },
  })
}

/** A request must not fail by a bug of ours: what the app logs as an error ends the test. */
const failingLog = {
  ...silentLog,
  error(fields: object, message: string) {
    throw new Error(`the app logged an error: ${message}`, { cause: 'err' in fields ? fields.err : fields })
  },
}

function listen(): Promise<Server> {
  const server = createServer()
  return new Promise((resolve) => {
    server.listen(0, '127.0.0.1', () => resolve(server))
  })
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve())
    server.closeAllConnections()
  })
}
