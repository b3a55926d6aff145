import { randomBytes } from 'node:crypto'
import { chmod, link, open, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { makeFolder } from '../base/folder.ts'
import type { Context } from '../registry/context.ts'
import { Sealer } from '../registry/seal.ts'
import { SealedOtherwise, SharedSecrets } from '../registry/shared-secrets.ts'
import { newSigningKey } from '../registry/signer.ts'
import type { Config } from './config.ts'
import { Failure } from './failure.ts'

const SIGNING_KEY = 'signing-key.pem'

/** The keys the server works with: configured, or its own. */
export type Secrets = {
  readonly sessionSecret: string
  readonly oauthPassword: string
  /** What packages published here are signed with, PEM. */
  readonly signingKey: string
}

type Configured = Pick<Config, 'cacheDir' | 'sessionSecret' | 'oauthPassword'>

/**
 * The configured secrets; what is absent is generated once. On SQLite it is kept in the data folder. Postgres may have several servers, which must
 * agree: there it is kept in the database, sealed with OAUTH_PASSWORD, the one secret they must all be given. Throws a Failure for another than
 * the first one's.
 */
export async function secretsOf(config: Configured, { sql }: Context['storage']): Promise<Secrets> {
  const folder = secretsFolder(config)
  const oauthPassword = config.oauthPassword ?? (await keptSecret(folder, 'oauth-password'))
  // A server that had its database to itself until now brings what it has.
  const here = {
    sessionSecret: () => keptSecret(folder, 'session-secret'),
    signingKey: () => keptSecret(folder, SIGNING_KEY, newSigningKey),
  }
  const shared = new SharedSecrets(sql, new Sealer(oauthPassword))
  const kept = (name: keyof typeof here) =>
    sql.engine === 'sqlite' ? here[name]() : shared.kept(name, here[name])
  return explaining(async () => ({
    oauthPassword,
    sessionSecret: config.sessionSecret ?? (await kept('sessionSecret')),
    signingKey: await kept('signingKey'),
  }))
}

/** Puts what `change` makes of the signing key in its place; resolves to it. */
export async function changeSigningKey(
  config: Configured,
  storage: Context['storage'],
  change: (pem: string) => string,
): Promise<string> {
  const { signingKey, oauthPassword } = await secretsOf(config, storage)
  if (storage.sql.engine === 'postgres')
    return new SharedSecrets(storage.sql, new Sealer(oauthPassword)).change('signingKey', change)
  const path = join(secretsFolder(config), SIGNING_KEY)
  const changed = change(signingKey)
  const aside = `${path}.${randomBytes(6).toString('hex')}`
  await writeFile(aside, changed, { mode: 0o600, flush: true })
  await rename(aside, path)
  return changed
}

/** The secrets to take along to another place, by the names of their files; undefined: it is configured. */
export async function secretFiles(
  config: Configured,
  storage: Context['storage'],
): Promise<
  Record<'session-secret' | 'oauth-password' | typeof SIGNING_KEY | 'bundle-key', string | undefined>
> {
  const { sessionSecret, oauthPassword, signingKey } = await secretsOf(config, storage)
  return {
    'session-secret': config.sessionSecret === undefined ? sessionSecret : undefined,
    'oauth-password': config.oauthPassword === undefined ? oauthPassword : undefined,
    [SIGNING_KEY]: signingKey,
    'bundle-key': await keptSecret(secretsFolder(config), 'bundle-key'),
  }
}

export const secretsFolder = ({ cacheDir }: Configured) => join(cacheDir, 'secrets')

async function explaining<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (!(cause instanceof SealedOtherwise)) throw cause
    const message =
      'The secrets in the database were sealed with another OAUTH_PASSWORD. All servers of one database need the same: set it to that of the first, which is in its data folder, secrets/oauth-password, when it was not configured.'
    throw new Failure(message, { exitCode: 1, cause })
  }
}

/**
 * The secret kept in `folder` under `name`, 256 random bits as base64url unless told otherwise; made when it is not there. However many processes ask at once,
 * all get the same. Only the owner may read the file.
 */
export async function keptSecret(folder: string, name: string, make = randomSecret): Promise<string> {
  const path = join(folder, name)
  const kept = await readKept(path)
  if (kept !== undefined) return kept
  await makeFolder(folder)
  await create(path, `${make().trim()}\n`)
  return (await readKept(path)) ?? gone(path)
}

function randomSecret(): string {
  return randomBytes(32).toString('base64url')
}

async function readKept(path: string): Promise<string | undefined> {
  try {
    const text = (await readFile(path, 'utf8')).trim()
    await chmod(path, 0o600) // a backup may have brought it back with wider permissions
    if (text.length >= 32) return text
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined
    throw error
  }
  throw new Failure(`${path} holds no secret. Restore it, or delete it to have a new one made.`)
}

/** Writes aside and links into place: the file is there whole or not at all, and whoever comes second leaves the first one's. */
async function create(path: string, text: string): Promise<void> {
  const aside = `${path}.${randomBytes(6).toString('hex')}`
  try {
    await using file = await open(aside, 'wx', 0o600)
    await file.writeFile(text)
    await file.sync()
    await link(aside, path)
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EEXIST')) throw error
  } finally {
    await rm(aside, { force: true })
  }
}

function gone(path: string): never {
  throw new Failure(`${path} vanished while it was read.`)
}
