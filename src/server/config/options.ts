import { SEVERITIES } from '../../base/severity.ts'
import { isLoopback } from './address.ts'
import { dataFolder } from './data-folder.ts'
import { issuer } from './issuers.ts'
import * as kind from './kinds.ts'
import { type Lookup, type Option, option, optional } from './option.ts'
import { providerOptions } from './provider-options.ts'
import { routeList } from './routes.ts'
import { s3Options } from './s3-options.ts'
import { storageOptions } from './storage-options.ts'
import { upkeepOptions } from './upkeep-options.ts'

/** Anybody on the network may not sign up unless the owner says so; on one's own machine it is a convenience. */
function signUpFallback(of: Lookup): string {
  const external = URL.parse(of('EXTERNAL_HOST') ?? '')?.hostname ?? of('EXTERNAL_HOST')
  const isPrivate = isLoopback(of('HOST') ?? '') && (external === undefined || isLoopback(external))
  return isPrivate ? 'open' : 'closed'
}

/** Every option there is. Environment, `.env`, flags, help, `.env-example` and the README table are all made from it. */
export const options = {
  nodeEnv: option(kind.oneOfAs(['dev', 'testing', 'production'], { development: 'dev', test: 'testing' }), {
    env: 'NODE_ENV',
    fallback: 'dev',
    about: 'What the server is run for; production refuses weak secrets',
  }),
  host: option(kind.hostName, {
    env: 'HOST',
    fallback: '127.0.0.1',
    about: 'Address to listen on; 0.0.0.0 is every one of this machine',
  }),
  port: option(kind.whole(0, 65_535), {
    env: 'PORT',
    fallback: '3000',
    about: 'TCP port to listen on; 0 takes a free one',
  }),
  workers: option(kind.processes, {
    env: 'WORKERS',
    fallback: '1',
    about: 'Processes that answer requests, each with memory of its own; auto is one for each processor',
  }),
  drainDelay: option(kind.duration, {
    env: 'DRAIN_DELAY',
    fallback: '0s',
    about: 'How long requests are still taken when told to stop, for proxies to see that /-/ready says no',
  }),
  externalHost: optional(kind.ownPublicAddress, {
    env: 'EXTERNAL_HOST',
    otherwise: 'the address each request came to',
    about: "Public base address, perhaps with a path; its host is the registry's name in namespace@host/name",
  }),
  trustProxy: option(kind.yesNo, {
    env: 'TRUST_PROXY',
    fallback: 'false',
    about: 'Believe X-Forwarded-For, -Host and -Proto; only behind a proxy that sets them',
  }),
  cacheDir: option(kind.folder, {
    env: 'CACHE_DIR',
    fallback: dataFolder,
    otherwise: "data in a checkout; elsewhere the user's own data folder",
    about: 'Data folder: blobs, spool, generated secrets and the SQLite database',
  }),
  unpackDir: optional(kind.folder, {
    env: 'UNPACK_DIR',
    otherwise: "the user's cache folder, or else the data folder",
    about: 'Where the executable puts its SQLite driver, once; programs must be allowed to run from there',
  }),
  ...storageOptions,
  ...s3Options,
  upstream: option(kind.webAddressOr(['npm', 'none']), {
    env: 'UPSTREAM',
    fallback: 'npm',
    about:
      "Registry to mirror what is not ours from; npm is the one npm is configured with, or else npm's default",
  }),
  upstreams: option(routeList, {
    env: 'UPSTREAMS',
    fallback: '[]',
    otherwise: 'UPSTREAM for every name',
    about: 'Where names that match a pattern come from instead of UPSTREAM, as JSON; the first match counts',
    secret: 'whole',
  }),
  httpProxy: optional(kind.urlOf('http', 'https'), {
    env: 'HTTP_PROXY',
    otherwise: 'none',
    about: 'Proxy to ask http:// upstreams through',
    secret: 'inside',
  }),
  httpsProxy: optional(kind.urlOf('http', 'https'), {
    env: 'HTTPS_PROXY',
    otherwise: 'none',
    about: 'Proxy to ask https:// upstreams through',
    secret: 'inside',
  }),
  noProxy: optional(kind.text, {
    env: 'NO_PROXY',
    otherwise: 'none',
    about: 'Hosts to ask without a proxy, as in intranet.example,.corp.example',
  }),
  offline: option(kind.yesNo, {
    env: 'OFFLINE',
    fallback: 'false',
    about: 'Never ask the upstream; what is mirrored already is served',
  }),
  federationHosts: option(kind.listOf(kind.publicAddress), {
    env: 'FEDERATION_HOSTS',
    fallback: '',
    otherwise: 'none',
    about: 'Other Entropic registries whose packages are fetched when asked for or depended on',
  }),
  packumentTtl: option(kind.duration, {
    env: 'PACKUMENT_TTL',
    fallback: '5m',
    about: "How long a mirrored package's list of versions counts as fresh",
  }),
  staleLimit: option(kind.duration, {
    env: 'STALE_LIMIT',
    fallback: '1d',
    about: 'Up to which age a list of versions is answered at once and refreshed behind the reply',
  }),
  upstreamTimeout: option(kind.duration, {
    env: 'UPSTREAM_TIMEOUT',
    fallback: '30s',
    about: 'How long the upstream may be silent',
  }),
  maxMirrored: option(kind.size, {
    env: 'MAX_MIRRORED',
    fallback: '2gb',
    about: 'Largest tarball taken from an upstream',
  }),
  ...upkeepOptions,
  minReleaseAge: option(kind.duration, {
    env: 'MIN_RELEASE_AGE',
    fallback: '0s',
    about: 'How old a mirrored version must be before anybody sees it; most malware is found within days',
  }),
  minReleaseAgeExempt: option(kind.listOf(kind.packageRule), {
    env: 'MIN_RELEASE_AGE_EXEMPT',
    fallback: '',
    otherwise: 'none',
    about: 'Mirrored packages that are seen at once all the same',
  }),
  minReleaseAgeFixes: option(kind.yesNo, {
    env: 'MIN_RELEASE_AGE_FIXES',
    fallback: 'true',
    about: 'Show versions at once that mend what an imported advisory tells of',
  }),
  policyAdvisories: option(kind.oneOf(['none', ...SEVERITIES]), {
    env: 'POLICY_ADVISORIES',
    fallback: 'malware',
    about: 'Mirrored versions with imported advisories as bad as this, or worse, are not seen',
  }),
  policyAllow: option(kind.listOf(kind.packageRule), {
    env: 'POLICY_ALLOW',
    fallback: '',
    otherwise: 'every package',
    about: 'The only mirrored packages that may be installed',
  }),
  policyBlock: option(kind.listOf(kind.packageRule), {
    env: 'POLICY_BLOCK',
    fallback: '',
    otherwise: 'none',
    about: 'Mirrored packages that nobody may install, whatever else is said',
  }),
  policyFreeze: optional(kind.date, {
    env: 'POLICY_FREEZE',
    otherwise: 'no date',
    about: 'Date after which nothing published upstream is seen',
  }),
  trustedIssuers: option(kind.listOf(issuer), {
    env: 'TRUSTED_ISSUERS',
    fallback:
      'github=https://token.actions.githubusercontent.com,gitlab=https://gitlab.com,circleci=https://oidc.circleci.com',
    about: 'Build servers whose identity tokens may publish what trusts them (npm trust)',
  }),
  webhookPrivate: option(kind.yesNo, {
    env: 'WEBHOOK_PRIVATE',
    fallback: 'false',
    about: 'Let webhooks lead to this machine and into private networks too',
  }),
  maxTarball: option(kind.size, {
    env: 'MAX_TARBALL',
    fallback: '512mb',
    about: 'Largest tarball, and largest sum of files published one by one',
  }),
  maxPublish: option(kind.size, {
    env: 'MAX_PUBLISH',
    fallback: '2gb',
    about: "Largest sum of a version's files, unpacked",
  }),
  maxFiles: option(kind.count, {
    env: 'MAX_FILES',
    fallback: '100000',
    about: 'Most files of a version',
  }),
  maxDependencies: option(kind.count, {
    env: 'MAX_DEPENDENCIES',
    fallback: '1024',
    about: 'Most dependencies of a version, of each sort',
  }),
  packumentCache: option(kind.size, {
    env: 'PACKUMENT_CACHE',
    fallback: '64mb',
    about: 'Memory for rendered package documents',
  }),
  anonymousRead: option(kind.yesNo, {
    env: 'ANONYMOUS_READ',
    fallback: 'true',
    about: 'Let people without an account read what is public; else only ping and logging in answer them',
  }),
  npmNotice: optional(kind.sentence, {
    env: 'NPM_NOTICE',
    otherwise: 'nothing',
    about: 'A sentence that npm shows to everybody who changes, installs or asks for something here',
  }),
  signUp: option(kind.oneOf(['open', 'closed']), {
    env: 'SIGN_UP',
    fallback: signUpFallback,
    otherwise: 'open while only this machine can reach the server, else closed',
    about: 'Whether people may make their own account with npm adduser',
  }),
  sessionSecret: optional(kind.text, {
    env: 'SESSION_SECRET',
    otherwise: 'generated once, kept in the data folder',
    about: 'Key that signs sessions, 32 characters or more',
    secret: 'whole',
  }),
  sessionExpirySeconds: option(kind.whole(60), {
    env: 'SESSION_EXPIRY_SECONDS',
    fallback: '31536000',
    about: 'How long a session lasts, in seconds',
  }),
  oauthPassword: optional(kind.text, {
    env: 'OAUTH_PASSWORD',
    otherwise: 'generated once, kept in the data folder',
    about:
      'Key that encrypts secrets in the database, 32 characters or more; all servers of one Postgres need the same',
    secret: 'whole',
  }),
  ...providerOptions,
  logLevel: option(kind.oneOf(['debug', 'info', 'warn', 'error', 'silent']), {
    env: 'LOG_LEVEL',
    fallback: 'info',
    about: 'Least important lines to log, on standard error',
  }),
  logFormat: option(kind.oneOf(['json', 'lines']), {
    env: 'LOG_FORMAT',
    fallback: () => (process.stderr.isTTY ? 'lines' : 'json'),
    otherwise: 'lines on a terminal, else json',
    about: 'How the log is written: JSON for programs, short lines for people',
  }),
  devLatencyErrorMs: option(kind.whole(1), {
    env: 'DEV_LATENCY_ERROR_MS',
    fallback: '2000',
    about: 'In dev, log requests that take longer, in milliseconds',
  }),
} as const

export type OptionName = keyof typeof options
type ValueOf<O> = O extends Option<infer T> ? T : never
/** Every option's value, under its name in the table. */
export type Config = { readonly [K in OptionName]: ValueOf<(typeof options)[K]> }

export const optionList: readonly Option<unknown>[] = Object.values(options)

/** The option's flag without its dashes; undefined for a secret. */
export function flagOf(option: Option<unknown>): string | undefined {
  return option.secret ? undefined : option.env.toLowerCase().replaceAll('_', '-')
}

/** The text as it may be shown to people. */
export function shown(option: Option<unknown>, text: string): string {
  if (option.secret === 'whole') return '●●●'
  return text.replace(/(:\/\/[^:@/]*:).*@/, '$1●●●@').replace(/([?&]password=)[^&]*/i, '$1●●●')
}
