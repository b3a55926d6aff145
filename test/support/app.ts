import { mkdir, writeFile } from 'node:fs/promises'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { silentLog } from '../../src/base/log.ts'
import { type Clock, days, minutes, seconds, systemClock } from '../../src/base/time.ts'
import type { Limits } from '../../src/registry/context.ts'
import type { PolicyRules } from '../../src/registry/policy.ts'
import { createRegistry, type Registry } from '../../src/registry/registry.ts'
import { newSigningKey } from '../../src/registry/signer.ts'
import type { Issuer } from '../../src/registry/trust/issuers.ts'
import { createUpstream, type Upstream } from '../../src/registry/upstream.ts'
import type { CourierOptions } from '../../src/registry/webhooks/courier.ts'
import { createApp } from '../../src/server/app.ts'
import type { ProviderConfig } from '../../src/server/web/account/providers.ts'
import { openStorage, type Storage, type StorageConfig } from '../../src/storage/storage.ts'
import { NpmUser } from './npm-user.ts'
import { executable, ServerProcess } from './server-process.ts'
import { chosenEngine, type Engine } from './services.ts'
import { temporaryFolder } from './temporary-folder.ts'

const SIGNING_KEY = newSigningKey()
const SEALING_KEY = 'a key for tests'
export const SESSION_SECRET = 'for tests'
const MIGRATIONS = join(import.meta.dirname, '../../migrations')

export type TestAppOptions = {
  /** The test needs what only the serving process knows: the app is served from this one, whatever else there is. */
  readonly inside?: true
  /** Another engine than SQLite, the mock and the disk. */
  readonly storage?: Partial<StorageConfig>
  /** Drivers in a place of their own, which goes away with the app. */
  readonly engine?: Engine
  /** The address of a scripted upstream, or one made already; absent: nothing is mirrored. */
  readonly upstream?: string | Upstream
  /** Addresses of other registries of this API. */
  readonly peers?: readonly string[]
  readonly offline?: boolean
  readonly webhooks?: CourierOptions
  /** Whose identity tokens are believed; absent: nobody's. */
  readonly issuers?: readonly Issuer[]
  /** Which mirrored versions are offered; absent: all. */
  readonly rules?: PolicyRules
  readonly clock?: Clock
  readonly limits?: Partial<Limits>
  readonly signUp?: boolean
  /** What npm shows to everybody. */
  readonly notice?: string
  /** Whether people without an account may read; they may. */
  readonly anonymousRead?: boolean
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

/**
 * The app of these options: in this process, or served by the executable where ENTROPIC_EXECUTABLE names one and its flags can say all of
 * them; the registry is then opened here beside it.
 */
export async function testApp(wanted: TestAppOptions = {}): Promise<TestApp> {
  const options = chosenEngine ? { engine: chosenEngine, ...wanted } : wanted
  const flags = executable === undefined ? undefined : flagsOf(options)
  return flags ? appOfExecutable(options, flags) : appHere(options)
}

/** The same as flags; undefined when there are none for some of it. */
function flagsOf({
  signUp = true,
  trustProxy,
  offline,
  upstream,
  ...rest
}: TestAppOptions): string[] | undefined {
  const { peers = [], publicUrl, ...unsayable } = rest
  if (Object.values(unsayable).some((it) => it !== undefined) || typeof upstream === 'object')
    return undefined
  return [
    '--upstream-timeout=5s',
    `--sign-up=${signUp ? 'open' : 'closed'}`,
    ...(trustProxy ? ['--trust-proxy'] : []),
    ...(offline ? ['--offline'] : []),
    ...(peers.length > 0 ? [`--federation-hosts=${peers.join()}`] : []),
    ...(publicUrl === undefined ? [] : [`--external-host=${publicUrl}`]),
  ]
}

async function appOfExecutable(options: TestAppOptions, args: readonly string[]): Promise<TestApp> {
  await using opening = new AsyncDisposableStack()
  const { path: folder } = opening.use(await temporaryFolder())
  await mkdir(join(folder, 'secrets'))
  await writeFile(join(folder, 'secrets/signing-key.pem'), SIGNING_KEY)
  const env = { SESSION_SECRET, OAUTH_PASSWORD: SEALING_KEY }
  const upstream = typeof options.upstream === 'string' ? options.upstream : 'none'
  const { url } = opening.use(await ServerProcess.start({ folder, upstream, args, env }))
  const storage = opening.use(await openStorage({ folder, migrations: MIGRATIONS, log: silentLog }))
  const registry = opening.adopt(makeRegistry(storage, new URL(url).host, options), (it) => it.close())
  const opened = opening.move()
  return new TestApp({ url, folder, storage, registry, end: () => opened.disposeAsync() })
}

async function appHere(options: TestAppOptions): Promise<TestApp> {
  await using opening = new AsyncDisposableStack()
  const folder = opening.use(await temporaryFolder())
  const place = options.engine && opening.use(await options.engine.place())
  const config = {
    folder: folder.path,
    migrations: MIGRATIONS,
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
    isLocal: options.publicUrl === undefined && options.trustProxy !== true,
    fallback: () => url,
  }
  const cache = { packuments: 64 * 2 ** 20, tarballs: 16 * 2 ** 20 }
  const app = createApp({
    registry,
    config: {
      address,
      providers: options.providers ?? [],
      signUp: options.signUp ?? true,
      anonymousRead: options.anonymousRead ?? true,
      notice: options.notice,
      session: { secret: SESSION_SECRET, lifetime: days(30) },
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
    ...(options.webhooks && { webhooks: options.webhooks }),
    ...(options.issuers && {
      issuers: { issuers: options.issuers, connect: (url) => createUpstream({ url, timeout: seconds(5) }) },
    }),
    host: () => options.host ?? host,
    sealingKey: SEALING_KEY,
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
