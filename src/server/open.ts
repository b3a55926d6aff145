import cluster from 'node:cluster'
import { readFileSync } from 'node:fs'
import { access } from 'node:fs/promises'
import { join } from 'node:path'
import { type Log, silentLog } from '../base/log.ts'
import { type Clock, systemClock } from '../base/time.ts'
import type { CacheBounds } from '../registry/cache.ts'
import type { ProxyOptions } from '../registry/mirror/agent.ts'
import { noUpstream } from '../registry/mirror/no-upstream.ts'
import { RoutedUpstream } from '../registry/mirror/routes.ts'
import type { NetworkMode } from '../registry/network.ts'
import type { PolicyRules } from '../registry/policy.ts'
import { createRegistry, type Registry } from '../registry/registry.ts'
import { createUpstream, type Upstream } from '../registry/upstream.ts'
import { ChannelKv } from '../storage/kv-channel.ts'
import { unfinishedLoad } from '../storage/move/load.ts'
import { openStorage, type Storage, type StorageConfig } from '../storage/storage.ts'
import { Unusable } from '../storage/unusable.ts'
import { sqliteAddon } from './addon.ts'
import { readAssetFolder } from './assets.ts'
import { ownAddress } from './config/address.ts'
import { unpackFolder } from './config/data-folder.ts'
import type { RouteConfig } from './config/routes.ts'
import { upstreamAddress } from './config/upstream.ts'
import type { Config } from './config.ts'
import { Failure, sentenceOf } from './failure.ts'
import { type Secrets, secretsOf } from './secrets.ts'

/** Where and how the storage lies. Any Postgres variable chooses Postgres. */
export function storageConfigOf(config: Config, log: Log = silentLog): StorageConfig {
  const { postgresUrl: url, pgUser: user, pgDatabase: database, postgresCa, redisUrl, redisCa } = config
  const addon = isPostgres(config) ? undefined : sqliteAddon(unpackFolders(config))
  return {
    folder: config.cacheDir,
    migrations: readAssetFolder('migrations'),
    ...(addon && { sqliteAddon: addon }),
    log,
    ...(isPostgres(config) && {
      postgres: {
        ...(url && { url }),
        ...(user && { user }),
        ...(database && { database }),
        ...(postgresCa && { ca: readCertificates(postgresCa) }),
      },
    }),
    ...(redisUrl && { redisUrl }),
    ...(redisCa && { redisCa: readCertificates(redisCa) }),
    ...(cluster.isWorker && { kv: new ChannelKv(process) }),
    ...s3ConfigOf(config),
  }
}

function readCertificates(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new Failure(`The certificates in ${file} cannot be read: ${sentenceOf(cause)}`, {
      exitCode: 1,
      cause,
    })
  }
}

export type Drivers = { readonly sql: 'sqlite' | 'postgres'; readonly blobs: 'disk' | 's3' }

/** The drivers that the configuration chooses. */
export function driversOf(config: Config): Drivers {
  return { sql: isPostgres(config) ? 'postgres' : 'sqlite', blobs: s3ConfigOf(config).s3 ? 's3' : 'disk' }
}

/** As openConfiguredStorage, over these drivers whatever else is configured, and though it be unfinished. */
export function openStorageOver(
  config: Config,
  { sql, blobs }: Drivers,
  migrations?: StorageConfig['migrations'],
): Promise<Storage> {
  const { postgres, s3, ...rest } = storageConfigOf(config)
  if (sql === 'postgres' && !postgres)
    throw new Failure('Postgres is not configured: set POSTGRES_URL, or PGHOST and the like.')
  if (blobs === 's3' && !s3) throw new Failure('S3 is not configured: set S3_BUCKET and the like.')
  const addon = sql === 'sqlite' ? sqliteAddon(unpackFolders(config)) : undefined
  return open(config, () => ({
    ...rest,
    ...(addon && { sqliteAddon: addon }),
    ...(sql === 'postgres' && postgres && { postgres }),
    ...(blobs === 's3' && s3 && { s3 }),
    ...(migrations && { migrations }),
  }))
}

/** Where blobs lie when not in the data folder. */
function s3ConfigOf(config: Config): Pick<StorageConfig, 's3'> {
  const { s3Bucket: bucket, s3AccessKeyId: accessKeyId, s3SecretAccessKey: secretAccessKey } = config
  const { s3Region: region, s3Endpoint, s3PathStyle: pathStyle, s3Prefix: prefix = '', s3Ca } = config
  if (bucket === undefined || accessKeyId === undefined || secretAccessKey === undefined) return {}
  const endpoint = s3Endpoint ?? `https://s3.${region}.amazonaws.com`
  const ca = s3Ca === undefined ? {} : { ca: readCertificates(s3Ca) }
  const address = { endpoint, bucket, region, accessKeyId, secretAccessKey, pathStyle, prefix, ...ca }
  return { s3: { address, budget: config.s3Cache, redirect: config.s3Redirect } }
}

function unpackFolders({ unpackDir, cacheDir }: Config): string[] {
  return unpackDir === undefined ? [unpackFolder(), join(cacheDir, 'unpacked')] : [unpackDir]
}

function isPostgres({ postgresUrl, pgHost, pgUser, pgDatabase }: Config): boolean {
  return [postgresUrl, pgHost, pgUser, pgDatabase].some((it) => it !== undefined)
}

/** openStorage, with a sentence for what the owner of the machine must mend. The caller disposes it. */
export async function openConfiguredStorage(config: Config, log?: Log): Promise<Storage> {
  const storage = await open(config, () => storageConfigOf(config, log))
  if ((await unfinishedLoad(storage.sql)) === undefined) return storage
  await storage[Symbol.asyncDispose]()
  throw new Failure(
    'What was to be brought here by restore or migrate-storage is not all there yet. Run it again.',
  )
}

/** As openConfiguredStorage, for data that need not outlive a power cut. */
export function openThrowAwayStorage(config: Config): Promise<Storage> {
  return open(config, () => ({ ...storageConfigOf(config), throwAway: true }))
}

async function open(config: Config, storageConfig: () => StorageConfig): Promise<Storage> {
  try {
    return await openStorage(storageConfig())
  } catch (error) {
    if (error instanceof Failure) throw error
    if (error instanceof Unusable) throw new Failure(error.message, { exitCode: 1, cause: error })
    const cause = error instanceof Error && error.cause ? ` (${sentenceOf(error.cause)})` : ''
    const where = isPostgres(config) ? 'the Postgres database' : `the data in ${config.cacheDir}`
    const message = `Cannot open ${where}: ${sentenceOf(error)}${cause}`
    throw new Failure(message, { exitCode: 1, cause: error })
  }
}

/** The registry over an open storage, as it is known on `port`. */
export function configuredRegistry(
  config: Config,
  {
    storage,
    log,
    port,
    secrets,
    upstream,
    mode = config.offline ? 'offline' : undefined,
    clock = systemClock,
  }: {
    storage: Storage
    log: Log
    port: number
    secrets: Secrets
    upstream?: Upstream
    /** The network mode whatever is stored. */
    mode?: NetworkMode | undefined
    clock?: Clock
  },
): Registry {
  const host = new URL(ownAddress(config, port)).host
  return createRegistry({
    storage,
    log,
    clock,
    host: () => host,
    sealingKey: secrets.oauthPassword,
    signingKey: secrets.signingKey,
    limits: {
      tarball: config.maxTarball,
      unpacked: config.maxPublish,
      files: config.maxFiles,
      dependencies: config.maxDependencies,
    },
    mirrorPolicy: {
      packumentTtl: config.packumentTtl,
      staleLimit: config.staleLimit,
      modes: modesOf(config),
      ...(mode && { mode }),
    },
    issuers: { issuers: config.trustedIssuers, connect: (url) => connectTo(config, { url }) },
    webhooks: { privateAddresses: config.webhookPrivate },
    policyRules: rulesOf(config),
    ...(upstream && { upstream }),
    peers: config.federationHosts.map((url) => createUpstream({ url, timeout: config.upstreamTimeout })),
  })
}

/** By address; of several rows for one upstream the last that says so. */
function modesOf({ upstreams }: Config): Map<string, NetworkMode> {
  return new Map(upstreams.flatMap(({ url, mode }) => (mode === undefined ? [] : [[url, mode]])))
}

/** What mirrored tarballs may take; undefined where nothing is said of it, or where none could be fetched again. */
export function cacheBoundsOf(config: Config): CacheBounds | undefined {
  const { cacheBudget: bytes, cacheAge: age } = config
  if (isAlone(config) || (bytes === undefined && age === undefined)) return undefined
  return { ...(bytes !== undefined && { bytes }), ...(age !== undefined && { age }) }
}

/** Whether the configuration names no upstream at all. */
export function isAlone({ upstream, upstreams }: Pick<Config, 'upstream' | 'upstreams'>): boolean {
  return upstream === 'none' && upstreams.length === 0
}

function rulesOf(config: Config): PolicyRules {
  const { minReleaseAge, minReleaseAgeExempt: exempt, policyAllow: allow, policyBlock: block } = config
  const { policyFreeze: freeze, policyAdvisories: advisories, minReleaseAgeFixes: fixesAtOnce } = config
  return {
    ...(minReleaseAge > 0 && { minimumAge: minReleaseAge, exempt }),
    ...(minReleaseAge > 0 && fixesAtOnce && { fixesAtOnce }),
    ...(advisories !== 'none' && { advisories }),
    ...(allow.length > 0 && { allow }),
    ...(block.length > 0 && { block }),
    ...(freeze !== undefined && { freeze }),
  }
}

/** Whoever mistypes the folder must hear of it, not work on an empty registry: throws a Failure where there is none. */
export async function requireDataFolder({ cacheDir }: Pick<Config, 'cacheDir'>): Promise<void> {
  await access(cacheDir).catch((cause) => {
    const message = `There are no data in ${cacheDir}. Start the server there once, or name another folder: --cache-dir`
    throw new Failure(message, { exitCode: 1, cause })
  })
}

/**
 * Runs `work` on the registry, beside a server that may be running on the same data, and closes everything after it. Throws a Failure
 * where there are no data.
 */
export async function withRegistry<T>(
  config: Config,
  work: (registry: Registry, storage: Storage) => Promise<T>,
): Promise<T> {
  return withOpened(config, work)
}

/** As withRegistry, over the upstream that the server mirrors. */
export async function withMirroringRegistry<T>(
  config: Config,
  work: (registry: Registry) => Promise<T>,
): Promise<T> {
  // Whoever brings packages here was told to ask for them, whatever mode the server is in.
  return withOpened(config, work, { upstream: await servedUpstream(config), mode: 'online' })
}

/** As withRegistry, over the upstream that the server mirrors and in the mode that it is in. */
export async function withServedRegistry<T>(
  config: Config,
  work: (registry: Registry) => Promise<T>,
): Promise<T> {
  return withOpened(config, work, { upstream: await servedUpstream(config) })
}

async function servedUpstream(config: Config): Promise<Upstream | undefined> {
  return configuredUpstream(config, await upstreamAddress(config, config.port))
}

/**
 * What packages are mirrored from: the routes of UPSTREAMS, then the registry at `url`. Undefined when there is none. Closed with the
 * registry it is given to.
 */
export function configuredUpstream(config: Config, url: string | undefined): Upstream | undefined {
  const routes = config.upstreams.map(({ match, ...route }) => ({
    match,
    upstream: route.url === 'none' ? noUpstream : connectTo(config, route),
  }))
  const rest = url === undefined ? undefined : connectTo(config, { url })
  if (routes.length === 0) return rest
  return new RoutedUpstream(rest ? [...routes, { match: '*', upstream: rest }] : routes)
}

/** A registry as the configuration wants others asked, where its route says nothing else. */
export function connectTo(config: Config, route: Omit<RouteConfig, 'match'>): Upstream {
  const { url, token, retries, ca, tarballs, timeout = config.upstreamTimeout } = route
  const proxy = route.proxy === undefined ? proxiesOf(config) : proxyOf(route.proxy)
  return createUpstream({
    url,
    timeout,
    limits: { tarball: config.maxMirrored },
    ...(proxy && { proxy }),
    ...(token !== undefined && { token }),
    ...(retries !== undefined && { retries }),
    ...(tarballs && { tarballs }),
    ...(ca !== undefined && { ca: readFileSync(ca, 'utf8') }),
  })
}

function proxiesOf({ httpProxy: http, httpsProxy: https, noProxy: not }: Config): ProxyOptions | undefined {
  if (http === undefined && https === undefined) return undefined
  return { ...(http && { http }), ...(https && { https }), ...(not !== undefined && { not }) }
}

function proxyOf(address: string): ProxyOptions | undefined {
  return address === 'none' ? undefined : { http: address, https: address }
}

async function withOpened<T>(
  config: Config,
  work: (registry: Registry, storage: Storage) => Promise<T>,
  { upstream, mode }: { upstream?: Upstream | undefined; mode?: NetworkMode } = {},
): Promise<T> {
  await requireDataFolder(config)
  await using storage = await openConfiguredStorage(config)
  const secrets = await secretsOf(config, storage)
  const parts = { storage, log: silentLog, port: config.port, secrets }
  const mirrored = upstream && { upstream, mode }
  const registry = configuredRegistry(config, { ...parts, ...mirrored })
  try {
    return await work(registry, storage)
  } finally {
    await registry.close()
  }
}
