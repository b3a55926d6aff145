import cluster, { type Worker } from 'node:cluster'
import type { Server } from 'node:http'
import type { Log } from '../../base/log.ts'
import { hours, seconds } from '../../base/time.ts'
import type { ChoreOptions } from '../../registry/chores.ts'
import type { Registry } from '../../registry/registry.ts'
import { serveKv } from '../../storage/kv-channel.ts'
import { MemoryKv } from '../../storage/kv-memory.ts'
import type { Storage } from '../../storage/storage.ts'
import { type App, createApp } from '../app.ts'
import { httpAddress, isLoopback, ownAddress } from '../config/address.ts'
import { providersOf } from '../config/providers.ts'
import { upstreamAddress } from '../config/upstream.ts'
import type { Config, Settings } from '../config.ts'
import { Crew, endWithPrimary, type Told } from '../crew.ts'
import { Health } from '../health.ts'
import { type AddressPolicy, basePathOf } from '../http/address.ts'
import { www } from '../http/local.ts'
import { createLog } from '../log.ts'
import {
  cacheBoundsOf,
  configuredRegistry,
  configuredUpstream,
  driversOf,
  openConfiguredStorage,
} from '../open.ts'
import { collectEarly, Farewell, listen, portOf, SlowReplies, settledPort, untilStopped } from '../process.ts'
import { openInBrowser } from '../process-child.ts'
import { announce, type RunningServer, runningServer } from '../running.ts'
import { type Secrets, secretsOf } from '../secrets.ts'
import { type Call, PROGRAM } from './command.ts'

/** Bytes of small tarballs kept in memory. */
const TARBALL_CACHE = 16 * 2 ** 20

/** After this long without a byte, no upload and no download is under way any more. */
const ABANDONED = hours(2)

/** Runs the registry until it is told to stop, in this process or in several that this one started. */
export async function serve(call: Call): Promise<number> {
  const { config } = call.settings
  await using opening = new AsyncDisposableStack()
  const begun = (told: Told) => begin(call, told, opening)
  if (cluster.isWorker) {
    endWithPrimary()
    return serveHere(call, async (told) => void process.send?.(told))
  }
  if (config.workers === 1) return await serveHere(call, begun) // before what was opened is closed
  const log = createLog(config)
  const kv = opening.adopt(new MemoryKv(log), (it) => it.close())
  const equip = (worker: Worker) => serveKv(kv, worker)
  const port = await settledPort(config)
  return await new Crew({ count: config.workers, port, log, equip, begun }).run()
}

/** The server can be reached: tells other programs of the user, and the user. */
async function begin({ flags, settings }: Call, told: Told, opening: AsyncDisposableStack): Promise<void> {
  const { config } = settings
  const other = await runningServer(config.cacheDir)
  opening.use(await announce(config.cacheDir, told.url))
  process.stdout.write(`${told.welcome}${beside(other, { ...told, config })}`)
  const { port } = new URL(told.url)
  if ('open' in flags) openInBrowser(ownAddress(config, Number(port || 80)))
}

/** Replicas share Postgres on purpose; a second server on one SQLite file is mostly a mistake. What a dead one left may name our own address. */
function beside(other: RunningServer | undefined, { url, config }: { url: string; config: Config }): string {
  if (other === undefined || other.url === url || driversOf(config).sql === 'postgres') return ''
  return `
  take care      a server runs on this data already: process ${other.pid}, at ${other.url}
                 both may run, nothing is lost; writes wait for each other, and each counts wrong passwords by itself
`
}

/** One process that answers requests; `begun` is called when it can. */
async function serveHere({ settings }: Call, begun: (told: Told) => Promise<void>): Promise<number> {
  const { config } = settings
  const log = createLog(config)
  await using opening = new AsyncDisposableStack()
  const server = opening.adopt(await listen(config), (it) => void it.close())
  const [farewell, health] = [new Farewell(server), new Health(basePathOf(config.externalHost))]
  const slow =
    config.nodeEnv === 'dev' ? new SlowReplies({ log, limit: config.devLatencyErrorMs }) : undefined
  // The port is known only now, and the registry's name depends on it: requests that are here already wait a moment.
  const starting = start(settings, { server, health, log, opening })
  let app: App | undefined
  // One listener for all: for several, Node copies their list at each request.
  server.on('request', (request, response) => {
    farewell.note(request, response)
    slow?.note(request)
    if (health.answered(request, response)) return
    if (app) return app.handle(request, response)
    starting.then(
      (started) => started.app.handle(request, response),
      () => response.destroy(),
    )
  })
  const started = await starting
  app = started.app
  const draining = () => {
    health.drain()
    farewell.say()
  }
  const close = () => opening.disposeAsync()
  const stopped = untilStopped({ server, log, draining, delay: config.drainDelay, close })
  collectEarly()
  // Last: who hears of it may end us at once.
  await begun(started.told)
  return await stopped // before what was opened is closed
}

type Parts = {
  server: Server
  health: Health
  log: Log
  opening: AsyncDisposableStack
}

/** Everything behind the port; whatever is opened closes with `opening`. */
async function start(
  settings: Settings,
  { server, health, log, opening }: Parts,
): Promise<{ app: App; told: Told }> {
  const { config } = settings
  const storage = opening.use(await openConfiguredStorage(config, log))
  const port = portOf(server)
  await storage.blobs.sweepSpool(ABANDONED)
  const secrets = await secretsOf(config, storage)
  const url = await upstreamAddress(config, port)
  const upstream = configuredUpstream(config, url)
  const registry = configuredRegistry(config, { storage, log, port, secrets, ...(upstream && { upstream }) })
  opening.defer(() => registry.close()) // and with it the upstream
  registry.courier.start()
  registry.chores.start(choresOf(config))
  const app = appOf(config, { registry, log, port, secrets })
  // One is enough to read.
  const setup = (cluster.worker?.id ?? 1) === 1 ? await registry.signUp.setupSecret() : undefined
  health.begin({
    sql: { ask: () => storage.sql.ping(), rank: 'needed' },
    kv: { ask: () => storage.kv.ping(), rank: 'helpful' },
    blobs: { ask: () => storage.blobs.ping(), rank: 'needed' },
  })
  const told = {
    url: ownAddress({ host: config.host, externalHost: undefined }, port),
    welcome: welcome(settings, { port, upstream: url, engine: storage.sql.engine, setup }),
  }
  return { app, told }
}

function choresOf(config: Config): ChoreOptions {
  const { upkeepEvery: every, auditKeep } = config
  const bounds = cacheBoundsOf(config)
  return { every, ...(bounds && { bounds }), ...(auditKeep !== undefined && { auditKeep }) }
}

/** By what names we are known on `port`. */
function addressOf(config: Config, port: number): AddressPolicy {
  const { host, externalHost: publicUrl, trustProxy } = config
  const isLocal = isLoopback(host) && publicUrl === undefined && !trustProxy
  return { publicUrl, trustProxy, isLocal, fallback: () => ownAddress(config, port) }
}

/** The doors over a registry that is known on `port`. */
export function appOf(
  config: Config,
  { registry, log, port, secrets }: { registry: Registry; log: Log; port: number; secrets: Secrets },
): App {
  return createApp({
    registry,
    log,
    config: {
      address: addressOf(config, port),
      signUp: config.signUp === 'open',
      anonymousRead: config.anonymousRead,
      notice: config.npmNotice,
      providers: providersOf(config),
      session: { secret: secrets.sessionSecret, lifetime: seconds(config.sessionExpirySeconds) },
      cache: { packuments: config.packumentCache, tarballs: TARBALL_CACHE },
    },
  })
}

/** What a person needs next. Programs that start us wait for the first line. */
function welcome(
  { config, list }: Settings,
  {
    port,
    upstream,
    engine,
    setup,
  }: {
    port: number
    upstream: string | undefined
    engine: Storage['sql']['engine']
    setup: string | undefined
  },
): string {
  const isFlag = list.some(({ env, origin }) => env === 'CACHE_DIR' && origin === 'flag')
  const folder = isFlag ? ` --cache-dir ${config.cacheDir}` : ''
  const own = ownAddress(config, port)
  const first =
    setup === undefined
      ? ''
      : `\n  first account  ${www('signup').with({ link: setup }).below(own)} (works once, within a day)
                 or ${PROGRAM} user add NAME --admin${folder}`
  const mirrored = config.offline ? 'offline: only what is stored already' : 'mirrored when first asked for'
  return `entropic is listening on ${httpAddress(config.host, port)}

  use it         npm config set registry ${own}/${first}
  data           ${config.cacheDir} (${engine === 'sqlite' ? 'with SQLite' : 'with Postgres'})
  upstream       ${upstream === undefined ? 'none' : `${upstream} (${mirrored})`}
`
}
