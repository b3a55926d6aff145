import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { cp, mkdir, mkdtemp, readdir, rm, stat, writeFile } from 'node:fs/promises'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { promisify } from 'node:util'
import type { Caller } from '../registry/model.ts'
import { type Config, proxiesAround, resolveSettings } from './config.ts'
import { Failure, sentenceOf } from './failure.ts'
import type {
  FixtureOptions,
  FixtureRegistry,
  PublishedName,
  SeenRequest,
  Snapshot,
  StartRegistry,
} from './fixture/api.ts'
import { clientEnvironment, npmrcOf } from './fixture/clients.ts'
import { TurnedClock } from './fixture/clock.ts'
import { Faults } from './fixture/faults.ts'
import { type Interior, openInterior } from './fixture/interior.ts'
import { publishAll, publishTarball } from './fixture/packages.ts'
import { listen, portOf } from './process.ts'

export type * from './fixture/api.ts'

/** See StartRegistry. */
export const startRegistry: StartRegistry = async (options = {}) => {
  await using opening = new AsyncDisposableStack()
  const folder = await mkdtemp(join(tmpdir(), 'entropic-fixture-'))
  opening.defer(() => rm(folder, { recursive: true, force: true }))
  const config = configOf(folder, options)
  const server = opening.adopt(await listen(config), closeServer)
  const clock = new TurnedClock()
  const interior = await openInterior(config, portOf(server), clock)
  const registry = new RunningFixture({
    folder,
    config,
    server,
    clock,
    interior,
    token: await settle(interior, options),
  })
  opening.move()
  await registry.begin()
  return registry
}

/** Makes the account and publishes the packages; resolves with the account's token. */
async function settle(
  { registry }: Interior,
  { user = 'test', packages = {} }: FixtureOptions,
): Promise<string> {
  await registry.accounts.add({ name: user, admin: true })
  const grant = { accountName: user, description: 'fixture', access: 'publish' } as const
  const { secret } = await registry.tokens.issue(grant)
  await publishAll({ registry, caller: await callerOf(registry, secret) }, packages)
  return secret
}

type Parts = {
  readonly folder: string
  readonly config: Config
  readonly server: Server
  readonly clock: TurnedClock
  readonly interior: Interior
  readonly token: string
}

class RunningFixture implements FixtureRegistry {
  readonly url: string
  readonly token: string
  readonly clock: TurnedClock
  readonly faults = new Faults()
  readonly #parts: Parts
  readonly #requests: SeenRequest[] = []
  readonly #underWay = new Set<ServerResponse>()
  #interior: Promise<Interior>
  #snapshots = 0
  #beginning: Snapshot | undefined

  constructor(parts: Parts) {
    this.#parts = parts
    this.#interior = Promise.resolve(parts.interior)
    this.url = `http://127.0.0.1:${portOf(parts.server)}`
    this.token = parts.token
    this.clock = parts.clock
    parts.server.on('request', (request, response) => {
      this.#take(request, response).catch(() => response.destroy())
    })
  }

  get requests(): readonly SeenRequest[] {
    return this.#requests
  }

  get npmrc(): string {
    return npmrcOf(this)
  }

  get environment(): Record<string, string> {
    return clientEnvironment(this, this.#npmrcFile)
  }

  /** Called once by startRegistry: what `reset` returns to. */
  async begin(): Promise<void> {
    await writeFile(this.#npmrcFile, this.npmrc, { mode: 0o600 })
    this.#beginning = await this.snapshot()
  }

  async publish(path: string): Promise<PublishedName[]> {
    const published: PublishedName[] = []
    for (const one of await packagesAt(resolve(path))) published.push(await this.#publishOne(one))
    return published
  }

  snapshot(): Promise<Snapshot> {
    this.#snapshots += 1
    const folder = join(this.#parts.folder, `snapshot-${this.#snapshots}`)
    return this.#between(async () => {
      await cp(this.#parts.config.cacheDir, folder, { recursive: true })
      return { folder }
    })
  }

  restore({ folder }: Snapshot): Promise<void> {
    const data = this.#parts.config.cacheDir
    return this.#between(async () => {
      await rm(data, { recursive: true })
      await cp(folder, data, { recursive: true })
    })
  }

  async reset(): Promise<void> {
    this.faults.clear()
    this.clock.reset()
    if (this.#beginning) await this.restore(this.#beginning)
    this.#requests.length = 0
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const { server, folder } = this.#parts
    await closeServer(server)
    await (await this.#interior).close()
    await rm(folder, { recursive: true, force: true })
  }

  get #npmrcFile(): string {
    return join(this.#parts.folder, 'npmrc')
  }

  async #publishOne(path: string): Promise<PublishedName> {
    const { registry } = await this.#interior
    const publisher = { registry, caller: await callerOf(registry, this.token) }
    if (path.endsWith('.tgz')) return publishTarball(publisher, path)
    const out = await mkdtemp(join(this.#parts.folder, 'packed-'))
    return publishTarball(publisher, await packed(path, out))
  }

  /** Runs `work` on the data folder while nobody has it open. Requests that come meanwhile wait. */
  #between<T>(work: () => Promise<T>): Promise<T> {
    const before = this.#interior
    const done = before.then(async (interior) => {
      await Promise.all([...this.#underWay].map(ended))
      await interior.close()
      return work()
    })
    const { config, server, clock } = this.#parts
    this.#interior = done.then(() => openInterior(config, portOf(server), clock))
    return this.#interior.then(() => done)
  }

  async #take(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { method = '', url: path = '', headers } = request
    const seen = { method, path, headers, status: undefined as number | undefined }
    this.#requests.push(seen as SeenRequest) // the status follows
    response.once('finish', () => {
      seen.status = response.statusCode
    })
    if (!(await this.faults.apply(request, response))) return
    const { app } = await this.#interior
    this.#underWay.add(response)
    response.once('close', () => this.#underWay.delete(response))
    app.handle(request, response)
  }
}

function configOf(folder: string, { upstream = 'none' }: FixtureOptions): Config {
  const flags = {
    NODE_ENV: 'testing',
    HOST: '127.0.0.1',
    PORT: '0',
    CACHE_DIR: join(folder, 'data'),
    UPSTREAM: upstream,
    LOG_LEVEL: 'silent',
    SIGN_UP: 'open',
    SESSION_SECRET: randomBytes(32).toString('hex'),
    OAUTH_PASSWORD: randomBytes(32).toString('hex'),
  }
  return resolveSettings({ flags, environment: proxiesAround(), folder }).config
}

async function callerOf(registry: Interior['registry'], token: string): Promise<Caller> {
  const caller = await registry.tokens.identify(token)
  if (!caller) throw new Failure("The fixture's own token was revoked.")
  return caller
}

/** The folder itself when it is a package, else the packages and tarballs in it. */
async function packagesAt(path: string): Promise<string[]> {
  if (path.endsWith('.tgz') || (await isPackage(path))) return [path]
  const names = (await readdir(path)).sort().map((name) => join(path, name))
  const found = await Promise.all(names.map(async (one) => one.endsWith('.tgz') || (await isPackage(one))))
  return names.filter((_, at) => found[at])
}

async function isPackage(path: string): Promise<boolean> {
  return (await stat(join(path, 'package.json')).catch(() => undefined)) !== undefined
}

/** What goes into a tarball is npm's to say. */
async function packed(path: string, out: string): Promise<string> {
  try {
    await mkdir(out, { recursive: true })
    await promisify(execFile)('npm', ['pack', '--silent', '--pack-destination', out], { cwd: path })
  } catch (error) {
    throw new Failure(`npm cannot pack ${path}: ${sentenceOf(error)}`, { exitCode: 1, cause: error })
  }
  const [name = ''] = await readdir(out)
  return join(out, name)
}

function ended(response: ServerResponse): Promise<void> {
  return new Promise((done) => response.once('close', () => done()))
}

function closeServer(server: Server): Promise<void> {
  return new Promise((done) => {
    server.close(() => done())
    server.closeAllConnections()
  })
}
